package io.clawterm.session;

import io.clawterm.api.SessionId;
import io.clawterm.protocol.Flags;
import io.clawterm.protocol.Frame;
import io.clawterm.protocol.FrameType;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Optional;

/** How entries are shown, and how long ones are divided. */
public final class Entries {

  /**
   * The longest text delta, in characters. JSON writes a character as six bytes at worst, so the
   * structured form of a delta always fits one frame.
   */
  public static final int MAX_TEXT_CHARS = 8_192;

  /** How a structured input starts in its canonical form. */
  static final String INPUT_HEAD = "{\"type\":\"input\",\"text\":";

  private Entries() {}

  /**
   * The DATA frame of an entry.
   *
   * @param structured the device has asked for structured entries
   * @param replay sent because of a RESUME
   */
  public static Frame frame(
      SessionId session, long number, Entry entry, boolean structured, boolean replay) {
    int flags = replay ? Flags.REPLAY : 0;
    Bytes payload =
        switch (entry.kind()) {
          case BYTES -> {
            flags |= entry.more() ? Flags.MORE : 0;
            yield entry.body();
          }
          case TEXT -> {
            flags |= structured ? Flags.EVENT : 0;
            yield structured ? textObject(entry.body().utf8()) : entry.body();
          }
          case EVENT -> {
            flags |= structured ? Flags.EVENT : 0;
            yield structured ? entry.body() : entry.plain();
          }
        };
    return Frame.of(session.value(), (int) number, FrameType.DATA, flags, payload.unsafeArray());
  }

  /** The entries that a commit appends, in order. */
  static List<Entry> of(SessionEvent event) {
    List<Entry> entries = new ArrayList<>();
    for (SessionEvent.Change change : event.changes()) {
      switch (change) {
        case SessionEvent.Emitted emitted -> entries.addAll(emitted.entries());
        case SessionEvent.InputReceived input -> {
          if (input.logged()) {
            input.frames().forEach(frame -> entries.addAll(ofInput(input.device(), frame)));
          }
        }
        case SessionEvent.Created c -> {}
        case SessionEvent.DeviceAttached a -> {}
        case SessionEvent.TokenConfirmed t -> {}
        case SessionEvent.DeviceDetached d -> {}
        case SessionEvent.Trimmed t -> {}
        case SessionEvent.Closed c -> {}
        case SessionEvent.ImportBegun i -> {}
        case SessionEvent.InputImported i -> {}
        case SessionEvent.Imported i -> {}
      }
    }
    return entries;
  }

  /** Text of any length as deltas, never divided within a surrogate pair. */
  public static List<Entry> text(String text) {
    List<Entry> entries = new ArrayList<>();
    int at = 0;
    while (at < text.length()) {
      int end = Math.min(at + MAX_TEXT_CHARS, text.length());
      if (end < text.length() && Character.isHighSurrogate(text.charAt(end - 1))) {
        end--;
      }
      entries.add(Entry.text(text.substring(at, end)));
      at = end;
    }
    return entries;
  }

  /** Terminal bytes of any length as entries that each fit a frame. */
  public static List<Entry> bytes(byte[] bytes, int length) {
    List<Entry> entries = new ArrayList<>();
    for (int at = 0; at < length; at += Frame.MAX_PAYLOAD) {
      int end = Math.min(at + Frame.MAX_PAYLOAD, length);
      entries.add(Entry.bytes(Bytes.wrap(Arrays.copyOfRange(bytes, at, end)), end < length));
    }
    return entries;
  }

  /**
   * How a frame of messages stands in the log: an object of type {@code message} with the role
   * {@code user} for each line, one of type {@code command} for whatever else a device asks for.
   * Nothing is shown of it to devices without structured entries: the person has typed it.
   */
  public static List<Entry> ofInput(String device, SessionCommand.InputFrame frame) {
    if (frame.event() && !frame.body().utf8().startsWith(INPUT_HEAD)) {
      var json = new StringBuilder("{\"type\":\"command\",\"device\":");
      quote(device, json);
      json.append(",\"command\":").append(frame.body().utf8()).append('}');
      return List.of(Entry.event(json.toString(), ""));
    }
    List<Entry> entries = new ArrayList<>();
    for (Line line : lines(frame)) {
      var json = new StringBuilder("{\"type\":\"message\",\"role\":\"user\",\"device\":");
      quote(device, json);
      json.append(",\"text\":");
      quote(line.text(), json);
      entries.add(Entry.event(json.append(line.more() ? ",\"more\":true}" : "}").toString(), ""));
    }
    return entries;
  }

  /**
   * The messages in a frame: one a line that is not blank, a structured input whole. Each has one
   * entry in the log, in this order.
   */
  public static List<Line> lines(SessionCommand.InputFrame frame) {
    String text = frame.body().utf8();
    if (frame.event()) {
      return divided(ClientEvents.textOf(text), false);
    }
    List<Line> lines = new ArrayList<>();
    int at = 0;
    while (at < text.length()) {
      int end = text.indexOf('\n', at);
      boolean ended = end >= 0;
      String line = text.substring(at, ended ? end : text.length());
      if (line.endsWith("\r")) {
        line = line.substring(0, line.length() - 1);
      }
      if (!line.isBlank()) {
        lines.addAll(divided(line, frame.more() && !ended));
      }
      at = ended ? end + 1 : text.length();
    }
    return lines;
  }

  /** The type of a structured entry that is no input: something else that a device asks for. */
  public static Optional<String> controlType(SessionCommand.InputFrame frame) {
    String json = frame.body().utf8();
    return frame.event() && !json.startsWith(INPUT_HEAD)
        ? Optional.of(ClientEvents.typeOf(json))
        : Optional.empty();
  }

  /** A message or a part of one; {@code more} when it goes on in the next. */
  public record Line(String text, boolean more) {}

  private static List<Line> divided(String text, boolean more) {
    List<Entry> parts = text(text);
    List<Line> lines = new ArrayList<>();
    for (int i = 0; i < parts.size(); i++) {
      lines.add(new Line(parts.get(i).body().utf8(), more || i < parts.size() - 1));
    }
    return lines;
  }

  /**
   * The structured form of a text delta. What a device got under a number is the same at every
   * replay, so this form is fixed for ever: written here, not by a JSON library's settings.
   */
  private static Bytes textObject(String text) {
    var json = new StringBuilder(text.length() + 32).append("{\"type\":\"text\",\"text\":");
    quote(text, json);
    return Bytes.wrap(json.append('}').toString().getBytes(StandardCharsets.UTF_8));
  }

  /** Appends the text as a JSON string: quotes, backslashes and control characters escaped. */
  static void quote(String text, StringBuilder json) {
    json.append('"');
    for (int i = 0; i < text.length(); i++) {
      char c = text.charAt(i);
      if (c == '"' || c == '\\') {
        json.append('\\').append(c);
      } else if (c == '\n') {
        json.append("\\n");
      } else if (c < 0x20) {
        json.append(String.format(Locale.ROOT, "\\u%04x", (int) c));
      } else {
        json.append(c);
      }
    }
    json.append('"');
  }
}
