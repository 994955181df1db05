package io.murmuration.training;

import io.murmuration.serialization.ValueSerializer;
import io.murmuration.serialization.Wire;
import io.murmuration.training.TrainerStatePart.Doubles;
import io.murmuration.training.TrainerStatePart.Floats;
import io.murmuration.training.TrainerStatePart.Head;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.zip.CRC32C;
import org.apache.flink.core.memory.DataInputView;
import org.apache.flink.core.memory.DataOutputView;

/**
 * {@link TrainerStatePart} in state. Version 1: a kind; then a head's fields, or a slice's vector,
 * start and length, its elements big-endian with all their bits, and their CRC-32C, so that damage
 * is noticed.
 */
public final class TrainerStatePartSerializer extends ValueSerializer<TrainerStatePart> {

  private static final long serialVersionUID = 1L;

  private static final int HEAD = 0;
  private static final int FLOATS = 1;
  private static final int DOUBLES = 2;

  @Override
  protected int version() {
    return 1;
  }

  @Override
  protected void write(TrainerStatePart part, DataOutputView out) throws IOException {
    if (part instanceof Head head) {
      out.writeByte(HEAD);
      out.writeLong(head.round());
      out.writeLong(head.executedRounds());
      Wire.writeString(head.layoutDigest(), out);
      Wire.writeString(head.origin(), out);
      Wire.writeVarInt(head.parameters(), out);
      Wire.writeVarInt(head.frozen(), out);
      Wire.writeVarInt(head.average(), out);
      Wire.writeVarInt(head.moments(), out);
    } else if (part instanceof Floats slice) {
      ByteBuffer bytes = ByteBuffer.allocate(slice.count() * Float.BYTES);
      bytes.asFloatBuffer().put(slice.source(), slice.offset(), slice.count());
      writeSlice(FLOATS, slice.vector(), slice.from(), slice.count(), bytes.array(), out);
    } else if (part instanceof Doubles slice) {
      ByteBuffer bytes = ByteBuffer.allocate(slice.count() * Double.BYTES);
      bytes.asDoubleBuffer().put(slice.source(), slice.offset(), slice.count());
      writeSlice(DOUBLES, slice.vector(), slice.from(), slice.count(), bytes.array(), out);
    }
  }

  private static void writeSlice(
      int kind, int vector, int from, int count, byte[] bytes, DataOutputView out)
      throws IOException {
    out.writeByte(kind);
    Wire.writeVarInt(vector, out);
    Wire.writeVarInt(from, out);
    Wire.writeVarInt(count, out);
    out.write(bytes);
    out.writeInt(checksum(bytes));
  }

  @Override
  protected TrainerStatePart read(int version, DataInputView in) throws IOException {
    int kind = in.readUnsignedByte();
    if (kind == HEAD) {
      return new Head(
          in.readLong(),
          in.readLong(),
          Wire.readString(in),
          Wire.readString(in),
          Wire.readVarInt(in),
          Wire.readVarInt(in),
          Wire.readVarInt(in),
          Wire.readVarInt(in));
    }
    int vector = Wire.readVarInt(in);
    int from = Wire.readVarInt(in);
    int count = Wire.readVarInt(in);
    if (count > TrainerStatePart.SLICE) {
      throw damaged();
    }
    switch (kind) {
      case FLOATS -> {
        float[] values = new float[count];
        readBytes(count * Float.BYTES, in).asFloatBuffer().get(values);
        return new Floats(vector, from, values, /* offset= */ 0, count);
      }
      case DOUBLES -> {
        double[] values = new double[count];
        readBytes(count * Double.BYTES, in).asDoubleBuffer().get(values);
        return new Doubles(vector, from, values, /* offset= */ 0, count);
      }
      default -> throw damaged();
    }
  }

  private static ByteBuffer readBytes(int length, DataInputView in) throws IOException {
    byte[] bytes = new byte[length];
    in.readFully(bytes);
    if (in.readInt() != checksum(bytes)) {
      throw damaged();
    }
    return ByteBuffer.wrap(bytes);
  }

  private static int checksum(byte[] bytes) {
    CRC32C crc = new CRC32C();
    crc.update(bytes);
    return (int) crc.getValue();
  }

  private static IOException damaged() {
    return new IOException(
        "the trainer's state is damaged: a slice does not have the checksum that it was written"
            + " with; restore from another checkpoint");
  }
}
