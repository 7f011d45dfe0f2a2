package io.clawterm.testkit;

import java.util.Map;

/**
 * How a scripted answer ends. The counts are of streamed chunks, thinking included; where the
 * answer has fewer, the ending comes after the last of them.
 */
public sealed interface Ending {

  /** As the dialect wants it: stop reason, usage, end mark. */
  record Complete() implements Ending {}

  /** As {@link Complete}, with the reason that the answer reached the limit of tokens. */
  record OutOfTokens() implements Ending {}

  /** Nothing more comes and the connection stays open, until the client or the server closes. */
  record StallAfter(int chunks) implements Ending {}

  /** The TCP connection is closed in the middle of the next event. */
  record CutAfter(int chunks) implements Ending {}

  /** The body ends properly, without the dialect's end mark. */
  record EndAfter(int chunks) implements Ending {}

  /** An event whose data isn't JSON, and then the proper end. */
  record InvalidJsonAfter(int chunks) implements Ending {}

  /** An error event of the dialect in the middle of the stream. */
  record ErrorAfter(int chunks, String type, String message) implements Ending {}

  /**
   * No stream at all: a status with a body. An empty body stands for the dialect's own error for
   * that status.
   */
  record Refuse(int status, Map<String, String> headers, String body) implements Ending {
    public Refuse {
      headers = Map.copyOf(headers);
    }
  }

  /** How many chunks go out before this ending. */
  default int chunksBefore(int available) {
    return switch (this) {
      case Complete() -> available;
      case OutOfTokens() -> available;
      case StallAfter(int chunks) -> Math.min(chunks, available);
      case CutAfter(int chunks) -> Math.min(chunks, available);
      case EndAfter(int chunks) -> Math.min(chunks, available);
      case InvalidJsonAfter(int chunks) -> Math.min(chunks, available);
      case ErrorAfter(int chunks, String type, String message) -> Math.min(chunks, available);
      case Refuse refuse -> 0;
    };
  }
}
