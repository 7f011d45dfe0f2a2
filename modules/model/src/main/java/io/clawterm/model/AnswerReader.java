package io.clawterm.model;

import io.clawterm.model.ModelChunk.Finished;
import io.clawterm.model.ModelChunk.TextDelta;
import io.clawterm.model.ModelChunk.ThinkingDelta;
import java.util.List;
import java.util.Optional;

/** Reads one answer to its end: decodes it, bounds it, and tells a whole one from a cut one. */
final class AnswerReader {

  private final AnswerDecoder decoder;
  private final Failures failures;
  private final int maxChars;
  private long chars;

  AnswerReader(AnswerDecoder decoder, Failures failures, int maxChars) {
    this.decoder = decoder;
    this.failures = failures;
    this.maxChars = maxChars;
  }

  /** What comes from the connection. */
  sealed interface Signal {

    record Event(ServerSentEvent event) implements Signal {}

    /** Nothing more comes; the failure is why, if it wasn't a proper end. */
    record End(Optional<ModelException> failure) implements Signal {}
  }

  List<ModelChunk> read(Signal signal) {
    try {
      List<ModelChunk> chunks =
          switch (signal) {
            case Signal.Event(ServerSentEvent event) -> decoder.event(event);
            case Signal.End(Optional<ModelException> failure) -> end(failure);
          };
      chunks.forEach(this::count);
      return chunks;
    } catch (MalformedAnswerException e) {
      throw failures.malformed(e);
    } catch (ErrorEventException e) {
      throw failures.reported(e);
    }
  }

  private List<ModelChunk> end(Optional<ModelException> failure) {
    List<ModelChunk> chunks = decoder.end();
    if (chunks.isEmpty()) {
      throw failure.orElseGet(() -> failures.cut(null));
    }
    return chunks;
  }

  private void count(ModelChunk chunk) {
    chars +=
        switch (chunk) {
          case TextDelta(String text) -> text.length();
          case ThinkingDelta(String text) -> text.length();
          case Finished finished -> 0;
        };
    if (chars > maxChars) {
      throw failures.tooLong(maxChars);
    }
  }
}
