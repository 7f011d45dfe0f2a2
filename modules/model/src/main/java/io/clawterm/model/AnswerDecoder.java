package io.clawterm.model;

import java.util.List;

/** Turns the events of one answer into chunks, in one provider's dialect. Holds the state of it. */
interface AnswerDecoder {

  /**
   * The chunks in an event. Throws {@link MalformedAnswerException} for what isn't in the dialect
   * and {@link ErrorEventException} for an error that the provider reports in the stream.
   */
  List<ModelChunk> event(ServerSentEvent event);

  /**
   * The chunks that the end of the stream completes: {@link ModelChunk.Finished} where the provider
   * has said why the answer ended, though not all that should come after; otherwise nothing, and
   * the answer was cut.
   */
  List<ModelChunk> end();
}
