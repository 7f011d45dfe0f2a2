package io.clawterm.protocol;

import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.nio.ByteOrder;
import java.util.Objects;

/**
 * CRC-16/ARC, also called CRC-16/IBM: polynomial 0x8005 reflected, initial 0, no final xor. Over
 * the ASCII digits 123456789 it is 0xBB3D.
 *
 * <p>Sixteen bytes are taken in one step ("slicing"): table {@code k} tells what a byte does to the
 * checksum when {@code k} more bytes follow it, and because the checksum is linear the sixteen
 * contributions are only xored. Byte by byte, each lookup waits for the one before; here just the
 * first two of each step do.
 */
public final class Crc16 {
  private static final int POLYNOMIAL = 0xA001;
  private static final int SLICES = 16;
  private static final char[] TABLE = table();
  private static final VarHandle LONG =
      MethodHandles.byteArrayViewVarHandle(long[].class, ByteOrder.LITTLE_ENDIAN);

  private Crc16() {}

  /** The checksum of a range of bytes, 0 to 0xFFFF. */
  public static int of(byte[] bytes, int offset, int length) {
    return update(0, bytes, offset, length);
  }

  /** The checksum after more bytes, where {@code crc} is the one of all bytes before. */
  public static int update(int crc, byte[] bytes, int offset, int length) {
    Objects.checkFromIndexSize(offset, length, bytes.length);
    char[] table = TABLE;
    int current = crc & 0xFFFF;
    int at = offset;
    int end = offset + length;
    for (; end - at >= SLICES; at += SLICES) {
      long first = (long) LONG.get(bytes, at) ^ current;
      long second = (long) LONG.get(bytes, at + Long.BYTES);
      current = eight(table, 8 << 8, first) ^ eight(table, 0, second);
    }
    if (end - at >= Long.BYTES) {
      current = eight(table, 0, (long) LONG.get(bytes, at) ^ current);
      at += Long.BYTES;
    }
    for (; at < end; at++) {
      current = (current >>> 8) ^ table[(current ^ bytes[at]) & 0xFF];
    }
    return current;
  }

  private static int eight(char[] table, int base, long word) {
    int low = (int) word;
    int high = (int) (word >>> 32);
    return table[base + 0x700 + (low & 0xFF)]
        ^ table[base + 0x600 + ((low >>> 8) & 0xFF)]
        ^ table[base + 0x500 + ((low >>> 16) & 0xFF)]
        ^ table[base + 0x400 + (low >>> 24)]
        ^ table[base + 0x300 + (high & 0xFF)]
        ^ table[base + 0x200 + ((high >>> 8) & 0xFF)]
        ^ table[base + 0x100 + ((high >>> 16) & 0xFF)]
        ^ table[base + (high >>> 24)];
  }

  private static char[] table() {
    char[] table = new char[SLICES << 8];
    for (int value = 0; value < 256; value++) {
      int crc = value;
      for (int bit = 0; bit < 8; bit++) {
        crc = (crc & 1) == 0 ? crc >>> 1 : (crc >>> 1) ^ POLYNOMIAL;
      }
      table[value] = (char) crc;
    }
    for (int index = 256; index < table.length; index++) {
      char shorter = table[index - 256];
      table[index] = (char) ((shorter >>> 8) ^ table[shorter & 0xFF]);
    }
    return table;
  }
}
