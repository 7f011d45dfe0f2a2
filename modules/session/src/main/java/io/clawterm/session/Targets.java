package io.clawterm.session;

import io.clawterm.api.Principal;

/** Finds what a target's text names. */
@FunctionalInterface
public interface Targets {

  /**
   * The target for a session of this owner.
   *
   * @param name {@code agent:NAME}, {@code pod:NAME} or {@code pty:COMMAND}
   */
  Found find(Principal owner, String name);

  /** What was found. */
  sealed interface Found {
    record Available(Target target) implements Found {}

    /** No such thing; {@code text} says what there is. */
    record Missing(String text) implements Found {}

    /** Policy does not allow it; {@code text} says what would. */
    record Denied(String text) implements Found {}
  }
}
