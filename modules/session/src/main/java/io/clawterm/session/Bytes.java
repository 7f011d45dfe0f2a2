package io.clawterm.session;

import com.fasterxml.jackson.annotation.JsonCreator;
import com.fasterxml.jackson.annotation.JsonValue;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;

/** Immutable bytes that a record can hold; journaled as a binary value. */
public final class Bytes {

  public static final Bytes EMPTY = new Bytes(new byte[0]);

  private final byte[] value;

  private Bytes(byte[] value) {
    this.value = value;
  }

  /** Takes over an array that nobody changes any more; no copy is made. */
  @JsonCreator(mode = JsonCreator.Mode.DELEGATING)
  public static Bytes wrap(byte[] value) {
    return new Bytes(value);
  }

  /** The text in UTF-8. */
  public static Bytes of(String text) {
    return text.isEmpty() ? EMPTY : new Bytes(text.getBytes(StandardCharsets.UTF_8));
  }

  /** The array itself, for reading only: nobody may change it. */
  @JsonValue
  public byte[] unsafeArray() {
    return value;
  }

  public int length() {
    return value.length;
  }

  /** The bytes read as UTF-8; malformed parts become the replacement character. */
  public String utf8() {
    return new String(value, StandardCharsets.UTF_8);
  }

  @Override
  public boolean equals(Object other) {
    return other instanceof Bytes bytes && Arrays.equals(value, bytes.value);
  }

  @Override
  public int hashCode() {
    return Arrays.hashCode(value);
  }

  /** Only the length: content never reaches a log. */
  @Override
  public String toString() {
    return "Bytes(" + value.length + ")";
  }
}
