package io.murmuration.serialization;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import org.apache.flink.core.memory.DataInputView;
import org.apache.flink.core.memory.DataOutputView;

/**
 * The primitives that {@link ValueSerializer}s share: variable-length integers, strings and byte
 * arrays of any length.
 *
 * <p>{@code writeUTF} stops at 64 KiB, and Flink's own string format spends a varint per character.
 */
public final class Wire {

  private static final int MAX_VARINT_SHIFT = 63;

  private Wire() {}

  /** Writes 7 bits a byte, lowest first: 1 byte below 128, 10 bytes for a negative value. */
  public static void writeVarLong(long value, DataOutputView out) throws IOException {
    long rest = value;
    while ((rest & ~0x7FL) != 0) {
      out.writeByte((int) (rest & 0x7F) | 0x80);
      rest >>>= 7;
    }
    out.writeByte((int) rest);
  }

  /** Reads what {@link #writeVarLong} wrote. */
  public static long readVarLong(DataInputView in) throws IOException {
    long value = 0;
    for (int shift = 0; shift <= MAX_VARINT_SHIFT; shift += 7) {
      int next = in.readUnsignedByte();
      value |= (long) (next & 0x7F) << shift;
      if (next < 0x80) {
        return value;
      }
    }
    throw new IOException("A variable-length integer is longer than 10 bytes: the data is corrupt");
  }

  /** Writes a small value of either sign compactly. */
  public static void writeSignedVarLong(long value, DataOutputView out) throws IOException {
    writeVarLong((value << 1) ^ (value >> 63), out);
  }

  /** Reads what {@link #writeSignedVarLong} wrote. */
  public static long readSignedVarLong(DataInputView in) throws IOException {
    long zigzag = readVarLong(in);
    return (zigzag >>> 1) ^ -(zigzag & 1);
  }

  /** Writes a non-negative int. */
  public static void writeVarInt(int value, DataOutputView out) throws IOException {
    writeVarLong(value, out);
  }

  /** Reads a non-negative int. */
  public static int readVarInt(DataInputView in) throws IOException {
    long value = readVarLong(in);
    if (value < 0 || value > Integer.MAX_VALUE) {
      throw new IOException("An int was expected but the data says " + value + ": it is corrupt");
    }
    return (int) value;
  }

  /** Writes bytes or null. */
  public static void writeBytes(byte[] value, DataOutputView out) throws IOException {
    if (value == null) {
      writeVarLong(0, out);
    } else {
      writeVarLong(value.length + 1L, out);
      out.write(value);
    }
  }

  /** Reads what {@link #writeBytes} wrote. */
  public static byte[] readBytes(DataInputView in) throws IOException {
    int lengthPlusOne = readVarInt(in);
    if (lengthPlusOne == 0) {
      return null;
    }
    byte[] value = new byte[lengthPlusOne - 1];
    in.readFully(value);
    return value;
  }

  /** Writes a string or null in UTF-8; an unpaired surrogate becomes a question mark. */
  public static void writeString(String value, DataOutputView out) throws IOException {
    writeBytes(value == null ? null : value.getBytes(StandardCharsets.UTF_8), out);
  }

  /** Reads what {@link #writeString} wrote. */
  public static String readString(DataInputView in) throws IOException {
    byte[] utf8 = readBytes(in);
    return utf8 == null ? null : new String(utf8, StandardCharsets.UTF_8);
  }
}
