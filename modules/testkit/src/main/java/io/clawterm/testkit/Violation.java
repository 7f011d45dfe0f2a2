package io.clawterm.testkit;

/** A promise to devices that was broken. */
public record Violation(Kind kind, String session, String text) {

  /** Which promise. */
  public enum Kind {
    /** An acknowledged input is not there. */
    LOST_INPUT,
    /** An input is there more than once. */
    DOUBLED_INPUT,
    /** An input is there that nobody has sent. */
    UNKNOWN_INPUT,
    /** Inputs of one device are there in another order than it has sent them. */
    REORDERED_INPUT,
    /** One number has had two contents. */
    TWO_CONTENTS,
    /** Entries were left out without a word. */
    HOLE,
    /** A device was given a number again without having asked for it. */
    DOUBLED_OUTPUT,
    /** A device was shown what the log does not have. */
    SHOWN_NOT_STORED,
    /** An input was given to the model while the answer to it was still being sent. */
    DOUBLE_RUN,
    /** A journal has events of a life that another one had followed already, or a hole. */
    TWO_WRITERS,
    /** Something else that the scenario promises. */
    OTHER
  }

  @Override
  public String toString() {
    return kind + " in " + session + ": " + text;
  }
}
