package io.clawterm.testkit;

import java.util.List;

/**
 * What one device did and saw of a session, in the order in which it happened.
 *
 * @param session any name of the session, the same for all its devices
 * @param device the device's name, unique within the session
 */
public record History(String session, String device, View view, List<Step> steps) {

  public History {
    steps = List.copyOf(steps);
  }

  /** In which form a device gets the entries; devices of one view get the same under a number. */
  public enum View {
    STRUCTURED,
    PLAIN
  }

  /** One thing that happened. */
  public sealed interface Step {

    /** The device gave an input to be sent. Its text is unique among all inputs of the session. */
    record Sent(String input) implements Step {}

    /** The server said that this input is durable. */
    record Acknowledged(String input) implements Step {}

    /** The device reads on from here: what comes next follows this number. */
    record Began(long after) implements Step {}

    /** The device was given an entry; the content is all that must be the same at each showing. */
    record Shown(long number, String content) implements Step {}

    /** The device was told that it will not get these entries. */
    record Missing(long first, long last) implements Step {}
  }
}
