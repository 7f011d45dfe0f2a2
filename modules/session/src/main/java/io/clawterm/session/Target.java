package io.clawterm.session;

import akka.actor.typed.Behavior;

/** What sits behind a session: an agent, a pod or a program on a pseudo-terminal. */
public interface Target {

  /** How a target treats its input. */
  enum InputStyle {
    /** Messages: kept in the log with a number of their own, waiting until consumed. */
    MESSAGES,
    /** Bytes for somebody who remembers: waiting until consumed, not shown in the log. */
    BYTES,
    /** Bytes for a program that dies with its node: handed over once durable, never again. */
    VOLATILE
  }

  InputStyle inputStyle();

  /**
   * The actor of one life of the target; a child of its session. It may fail: it is started again
   * with back-off.
   */
  Behavior<TargetCommand> start(TargetContext context);
}
