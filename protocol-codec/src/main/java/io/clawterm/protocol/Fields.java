package io.clawterm.protocol;

import io.clawterm.protocol.MalformedFrameException.Reason;
import java.nio.ByteBuffer;
import java.nio.CharBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.EnumMap;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.OptionalLong;
import org.jspecify.annotations.Nullable;

/**
 * The fields of a frame, immutable: the payload of every type but DATA (section "Fields"). A field
 * that isn't there is empty; one that is there has been checked. Fields of tags that this version
 * doesn't know are skipped when read.
 */
public final class Fields {
  private static final int FIELD_HEADER = 3;
  private static final Fields NONE = new Fields(new EnumMap<>(Tag.class));

  /** In the order of the tags; never changed, and neither are the arrays in it. */
  private final EnumMap<Tag, byte[]> values;

  private Fields(EnumMap<Tag, byte[]> values) {
    this.values = values;
  }

  /** No fields at all: an empty payload. */
  public static Fields none() {
    return NONE;
  }

  /** A reason, for programs and for people: CODE and TEXT. */
  public static Fields reason(Code code, String text) {
    return builder().code(code).text(text).build();
  }

  /** Fields to be set one by one. */
  public static Builder builder() {
    return new Builder(new EnumMap<>(Tag.class));
  }

  /** A builder that has these fields already. */
  public Builder toBuilder() {
    return new Builder(new EnumMap<>(values));
  }

  /**
   * Reads a whole payload.
   *
   * @throws MalformedFrameException where it isn't a list of fields that the protocol allows
   */
  public static Fields parse(byte[] payload) {
    return parse(payload, 0, payload.length);
  }

  /**
   * Reads a payload that lies in a larger array.
   *
   * @throws MalformedFrameException where it isn't a list of fields that the protocol allows
   */
  public static Fields parse(byte[] bytes, int offset, int length) {
    Objects.checkFromIndexSize(offset, length, bytes.length);
    if (length == 0) {
      return NONE;
    }
    var values = new EnumMap<Tag, byte[]>(Tag.class);
    boolean[] seen = new boolean[256];
    ByteBuffer rest = ByteBuffer.wrap(bytes, offset, length);
    while (rest.hasRemaining()) {
      parseField(rest, seen, values);
    }
    return new Fields(values);
  }

  private static void parseField(ByteBuffer rest, boolean[] seen, EnumMap<Tag, byte[]> values) {
    if (rest.remaining() < FIELD_HEADER) {
      throw new MalformedFrameException(
          Reason.FIELD_TRUNCATED, rest.remaining() + " bytes where a field has at least 3");
    }
    int code = rest.get() & 0xFF;
    int length = rest.getShort() & 0xFFFF;
    if (length > rest.remaining()) {
      throw new MalformedFrameException(
          Reason.FIELD_TRUNCATED,
          "tag %d with %d bytes where %d are left".formatted(code, length, rest.remaining()));
    }
    if (seen[code]) {
      throw new MalformedFrameException(Reason.FIELD_REPEATED, "tag " + code);
    }
    seen[code] = true;
    Tag tag = Tag.of(code);
    if (tag == null) {
      rest.position(rest.position() + length);
      return;
    }
    if (!tag.fits(length)) {
      throw new MalformedFrameException(
          Reason.FIELD_SIZE, tag + " with " + length + " bytes, expected " + tag.size());
    }
    byte[] value = new byte[length];
    rest.get(value);
    Reason problem = tag.problem(value);
    if (problem != null) {
      throw new MalformedFrameException(problem, "in " + tag);
    }
    values.put(tag, value);
  }

  /** VERSION, 0 to 255. */
  public OptionalInt version() {
    return integer(Tag.VERSION);
  }

  /** TARGET: {@code agent:NAME}, {@code pod:NAME}, {@code pty:COMMAND} or a bare agent's name. */
  public Optional<String> target() {
    return string(Tag.TARGET);
  }

  /** CREDENTIAL: a bearer token, a secret. */
  public Optional<String> credential() {
    return string(Tag.CREDENTIAL);
  }

  /** DEVICE: the name of the device, at most 64 bytes. */
  public Optional<String> device() {
    return string(Tag.DEVICE);
  }

  /** RESUME_TOKEN: a copy of its 32 bytes, a secret. */
  public Optional<byte[]> resumeToken() {
    return bytes(Tag.RESUME_TOKEN);
  }

  /** LAST_SEQ, unsigned. */
  public OptionalLong lastSeq() {
    return number(Tag.LAST_SEQ);
  }

  /** FIRST_SEQ, unsigned. */
  public OptionalLong firstSeq() {
    return number(Tag.FIRST_SEQ);
  }

  /** HEAD_SEQ, unsigned. */
  public OptionalLong headSeq() {
    return number(Tag.HEAD_SEQ);
  }

  /** KEEPALIVE_MS: the interval in force, in milliseconds. */
  public OptionalLong keepaliveMs() {
    return number(Tag.KEEPALIVE_MS);
  }

  /** MODE: how the device joins. */
  public Optional<Mode> mode() {
    byte[] value = values.get(Tag.MODE);
    return value == null ? Optional.empty() : Optional.ofNullable(Mode.of(value[0]));
  }

  /** WINDOW: bytes that the sender is ready to receive beyond what it has acknowledged. */
  public OptionalLong window() {
    return number(Tag.WINDOW);
  }

  /** CODE; empty too where this version doesn't know it: {@link #codeValue} has the number. */
  public Optional<Code> code() {
    OptionalInt value = codeValue();
    return value.isPresent() ? Optional.ofNullable(Code.of(value.getAsInt())) : Optional.empty();
  }

  /** CODE as a number, 0 to 65,535, whether this version knows it or not. */
  public OptionalInt codeValue() {
    return integer(Tag.CODE);
  }

  /** TEXT: the reason for people. */
  public Optional<String> text() {
    return string(Tag.TEXT);
  }

  /** RETRY_AFTER_MS, in milliseconds. */
  public OptionalLong retryAfterMs() {
    return number(Tag.RETRY_AFTER_MS);
  }

  /** TERMINAL_SIZE: columns and rows. */
  public Optional<TerminalSize> terminalSize() {
    OptionalLong value = number(Tag.TERMINAL_SIZE);
    if (value.isEmpty()) {
      return Optional.empty();
    }
    int both = (int) value.getAsLong();
    return Optional.of(new TerminalSize(both >>> 16, both & 0xFFFF));
  }

  /** SESSION_KEY: the name under which a session is joined or opened. */
  public Optional<String> sessionKey() {
    return string(Tag.SESSION_KEY);
  }

  /** ADDRESS: host:port, not checked to be one. */
  public Optional<String> address() {
    return string(Tag.ADDRESS);
  }

  /** NONCE: a copy of its 16 bytes. */
  public Optional<byte[]> nonce() {
    return bytes(Tag.NONCE);
  }

  /** EXPIRY_S: how long the session may stay without a device, in seconds. */
  public OptionalLong expirySeconds() {
    return number(Tag.EXPIRY_S);
  }

  /** EVENTS: whether structured entries are asked for; false where the field is absent. */
  public boolean events() {
    return integer(Tag.EVENTS).orElse(0) == 1;
  }

  /** The bytes of the encoded fields. */
  public int length() {
    return values.values().stream().mapToInt(value -> FIELD_HEADER + value.length).sum();
  }

  /** The encoded fields, in the order of their tags: a new array each time. */
  public byte[] toBytes() {
    ByteBuffer encoded = ByteBuffer.allocate(length());
    for (Map.Entry<Tag, byte[]> field : values.entrySet()) {
      encoded.put((byte) field.getKey().code());
      encoded.putShort((short) field.getValue().length);
      encoded.put(field.getValue());
    }
    return encoded.array();
  }

  @Override
  public boolean equals(Object other) {
    return other instanceof Fields that && Arrays.equals(toBytes(), that.toBytes());
  }

  @Override
  public int hashCode() {
    return Arrays.hashCode(toBytes());
  }

  /** Which fields there are; never their values, some of which are secrets. */
  @Override
  public String toString() {
    return "Fields" + values.keySet();
  }

  private OptionalInt integer(Tag tag) {
    byte[] value = values.get(tag);
    return value == null ? OptionalInt.empty() : OptionalInt.of((int) unsigned(value));
  }

  private OptionalLong number(Tag tag) {
    byte[] value = values.get(tag);
    return value == null ? OptionalLong.empty() : OptionalLong.of(unsigned(value));
  }

  private Optional<String> string(Tag tag) {
    byte[] value = values.get(tag);
    return value == null
        ? Optional.empty()
        : Optional.of(new String(value, StandardCharsets.UTF_8));
  }

  private Optional<byte[]> bytes(Tag tag) {
    byte[] value = values.get(tag);
    return value == null ? Optional.empty() : Optional.of(value.clone());
  }

  private static long unsigned(byte[] value) {
    long number = 0;
    for (byte digit : value) {
      number = number << 8 | (digit & 0xFF);
    }
    return number;
  }

  /**
   * Fields being put together. Setting one again replaces it. A value that the protocol doesn't
   * allow is an {@link IllegalArgumentException}.
   */
  public static final class Builder {
    private final EnumMap<Tag, byte[]> values;

    private Builder(EnumMap<Tag, byte[]> values) {
      this.values = values;
    }

    /** VERSION, 0 to 255. */
    public Builder version(int version) {
      return number(Tag.VERSION, version);
    }

    /** TARGET. */
    public Builder target(String target) {
      return string(Tag.TARGET, target);
    }

    /** CREDENTIAL. */
    public Builder credential(String token) {
      return string(Tag.CREDENTIAL, token);
    }

    /** DEVICE, at most 64 bytes in UTF-8. */
    public Builder device(String name) {
      return string(Tag.DEVICE, name);
    }

    /** RESUME_TOKEN, 32 bytes. */
    public Builder resumeToken(byte[] token) {
      return bytes(Tag.RESUME_TOKEN, token.clone());
    }

    /** LAST_SEQ, unsigned. */
    public Builder lastSeq(long number) {
      return number(Tag.LAST_SEQ, number);
    }

    /** FIRST_SEQ, unsigned. */
    public Builder firstSeq(long number) {
      return number(Tag.FIRST_SEQ, number);
    }

    /** HEAD_SEQ, unsigned. */
    public Builder headSeq(long number) {
      return number(Tag.HEAD_SEQ, number);
    }

    /** KEEPALIVE_MS, 0 to 4,294,967,295 milliseconds. */
    public Builder keepaliveMs(long milliseconds) {
      return number(Tag.KEEPALIVE_MS, milliseconds);
    }

    /** MODE. */
    public Builder mode(Mode mode) {
      return number(Tag.MODE, mode.value());
    }

    /** WINDOW, 0 to 4,294,967,295 bytes. */
    public Builder window(long windowBytes) {
      return number(Tag.WINDOW, windowBytes);
    }

    /** CODE. */
    public Builder code(Code code) {
      return number(Tag.CODE, code.value());
    }

    /** TEXT. */
    public Builder text(String text) {
      return string(Tag.TEXT, text);
    }

    /** RETRY_AFTER_MS, 0 to 4,294,967,295 milliseconds. */
    public Builder retryAfterMs(long milliseconds) {
      return number(Tag.RETRY_AFTER_MS, milliseconds);
    }

    /** TERMINAL_SIZE, 0 to 65,535 each. */
    public Builder terminalSize(int columns, int rows) {
      return terminalSize(new TerminalSize(columns, rows));
    }

    /** TERMINAL_SIZE. */
    public Builder terminalSize(TerminalSize size) {
      return number(Tag.TERMINAL_SIZE, (long) size.columns() << 16 | size.rows());
    }

    /** SESSION_KEY. */
    public Builder sessionKey(String key) {
      return string(Tag.SESSION_KEY, key);
    }

    /** ADDRESS, host:port. */
    public Builder address(String hostAndPort) {
      return string(Tag.ADDRESS, hostAndPort);
    }

    /** NONCE, 16 bytes. */
    public Builder nonce(byte[] nonce) {
      return bytes(Tag.NONCE, nonce.clone());
    }

    /** EXPIRY_S, 0 to 4,294,967,295 seconds. */
    public Builder expirySeconds(long seconds) {
      return number(Tag.EXPIRY_S, seconds);
    }

    /** EVENTS: whether structured entries are asked for. */
    public Builder events(boolean asked) {
      return number(Tag.EVENTS, asked ? 1 : 0);
    }

    /**
     * The fields so far.
     *
     * @throws IllegalArgumentException where they don't fit into one frame
     */
    public Fields build() {
      var fields = new Fields(new EnumMap<>(values));
      int length = fields.length();
      if (length > Frame.MAX_PAYLOAD) {
        throw new IllegalArgumentException(
            "fields of " + length + " bytes, a frame has room for " + Frame.MAX_PAYLOAD);
      }
      return fields;
    }

    private Builder number(Tag tag, long number) {
      int size = tag.size();
      if (size < Long.BYTES && number >>> (size * Byte.SIZE) != 0) {
        throw new IllegalArgumentException(
            "%s must fit into %d unsigned bytes, is %d".formatted(tag, size, number));
      }
      byte[] all = ByteBuffer.allocate(Long.BYTES).putLong(number).array();
      return bytes(tag, Arrays.copyOfRange(all, Long.BYTES - size, Long.BYTES));
    }

    private Builder string(Tag tag, String text) {
      return bytes(tag, utf8(tag, text));
    }

    private Builder bytes(Tag tag, byte[] value) {
      @Nullable Reason problem = tag.problem(value);
      if (problem != null) {
        throw new IllegalArgumentException(
            "%s: %s with %d bytes".formatted(problem, tag, value.length));
      }
      values.put(tag, value);
      return this;
    }

    private static byte[] utf8(Tag tag, String text) {
      try {
        // Half a surrogate pair is an error here; getBytes would send a question mark for it.
        ByteBuffer encoded = StandardCharsets.UTF_8.newEncoder().encode(CharBuffer.wrap(text));
        byte[] value = new byte[encoded.remaining()];
        encoded.get(value);
        return value;
      } catch (CharacterCodingException e) {
        throw new IllegalArgumentException(tag + " has half a surrogate pair", e);
      }
    }
  }
}
