package io.clawterm.model;

import akka.NotUsed;
import akka.stream.javadsl.Source;

/** Where models answer: one provider's API. Safe for use by several threads. */
public interface ModelProvider {

  /** The provider's name as it stands before the slash in {@code CLAWTERM_MODEL}. */
  String name();

  /**
   * The answer to a request, as a stream. Each materialization makes one request, when there is
   * demand; nothing is retried. It completes after {@link ModelChunk.Finished} or fails with {@link
   * ModelException}; an answer is never silently half. Cancelling it closes the connection.
   */
  Source<ModelChunk, NotUsed> stream(ModelRequest request);

  /** How an answer that was cut off goes on. */
  Continuation continuation();
}
