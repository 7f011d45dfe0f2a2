package io.clawterm.model;

import akka.NotUsed;
import akka.stream.javadsl.Flow;
import akka.util.ByteString;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/**
 * Reads an event stream (HTML Living Standard, section "Server-sent events") piece by piece,
 * however the bytes are cut. An event that the end of the stream leaves without its blank line is
 * lost, as the standard says. Fields for reconnecting ({@code id}, {@code retry}) are passed over.
 *
 * <p>Lines are decoded when they are whole, so that a cut inside a character does no harm. A line
 * or event beyond its limit fails with {@link MalformedAnswerException} before it is kept.
 */
final class ServerSentEvents {

  private final int maxLineBytes;
  private final int maxEventBytes;
  private final StringBuilder data = new StringBuilder();
  private byte[] line = new byte[256];
  private int lineBytes;
  private int eventBytes;
  private boolean hasData;
  private boolean firstLine = true;
  private boolean afterCarriageReturn;
  private String type = "";

  private ServerSentEvents(int maxLineBytes, int maxEventBytes) {
    this.maxLineBytes = maxLineBytes;
    this.maxEventBytes = maxEventBytes;
  }

  /** The flow from the bytes of a body to the events in them. */
  static Flow<ByteString, ServerSentEvent, NotUsed> flow(int maxLineBytes, int maxEventBytes) {
    return Flow.of(ByteString.class)
        .statefulMapConcat(() -> {
          var events = new ServerSentEvents(maxLineBytes, maxEventBytes);
          return events::read;
        });
  }

  /** The events that these bytes complete. */
  private List<ServerSentEvent> read(ByteString bytes) {
    List<ServerSentEvent> complete = new ArrayList<>();
    for (byte next : bytes.toArray()) {
      boolean endsLine = next == '\r' || (next == '\n' && !afterCarriageReturn);
      if (endsLine) {
        endLine(complete);
      } else if (next != '\n') {
        append(next);
      }
      afterCarriageReturn = next == '\r';
    }
    return complete;
  }

  private void append(byte next) {
    if (lineBytes == maxLineBytes) {
      throw new MalformedAnswerException("a line has more than " + maxLineBytes + " bytes");
    }
    if (lineBytes == line.length) {
      line = Arrays.copyOf(line, Math.min(line.length * 2, maxLineBytes));
    }
    line[lineBytes] = next;
    lineBytes++;
  }

  private void endLine(List<ServerSentEvent> complete) {
    String text = new String(line, 0, lineBytes, StandardCharsets.UTF_8);
    if (firstLine && text.startsWith("\uFEFF")) {
      text = text.substring(1);
    }
    firstLine = false;
    if (text.isEmpty()) {
      endEvent(complete);
    } else {
      field(text);
    }
    lineBytes = 0;
  }

  private void endEvent(List<ServerSentEvent> complete) {
    if (hasData) {
      complete.add(new ServerSentEvent(type.isEmpty() ? "message" : type, data.toString()));
    }
    data.setLength(0);
    hasData = false;
    type = "";
    eventBytes = 0;
  }

  private void field(String text) {
    int colon = text.indexOf(':');
    String name = colon < 0 ? text : text.substring(0, colon);
    String value = colon < 0 ? "" : text.substring(colon + 1);
    if (value.startsWith(" ")) {
      value = value.substring(1);
    }
    switch (name) {
      case "data" -> {
        // Comments don't count: a server may keep a connection alive with them for hours.
        eventBytes += lineBytes;
        if (eventBytes > maxEventBytes) {
          throw new MalformedAnswerException("an event has more than " + maxEventBytes + " bytes");
        }
        if (hasData) {
          data.append('\n');
        }
        data.append(value);
        hasData = true;
      }
      case "event" -> type = value;
      default -> {
        // Comments have an empty name; other fields are ignored, as the standard says.
      }
    }
  }
}
