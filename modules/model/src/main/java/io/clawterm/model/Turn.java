package io.clawterm.model;

/**
 * One turn of a conversation.
 *
 * @param text not empty, because no provider takes an empty turn
 */
public record Turn(Role role, String text) {

  public Turn {
    if (text.isEmpty()) {
      throw new IllegalArgumentException("a turn has text");
    }
  }

  /** A turn of the user. */
  public static Turn user(String text) {
    return new Turn(Role.USER, text);
  }

  /** A turn of the model. */
  public static Turn assistant(String text) {
    return new Turn(Role.ASSISTANT, text);
  }

  @Override
  public String toString() {
    return "Turn[" + role + ", " + text.length() + " characters]"; // conversations stay out of logs
  }
}
