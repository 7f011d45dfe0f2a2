package io.clawterm.api;

import java.util.concurrent.Flow;

/** An agent written in Java: a conversation in, text out. */
@FunctionalInterface
public interface AgentFunction {

  /**
   * Answers the last message of a conversation.
   *
   * <p>Called once for each run, and again for a run that a crash has cut off, so it should have no
   * effect that must not happen twice. It must not block; what takes time belongs into the
   * publisher. Cancelling the subscription means that nobody wants the answer any more.
   */
  Flow.Publisher<String> answer(AgentRequest request);
}
