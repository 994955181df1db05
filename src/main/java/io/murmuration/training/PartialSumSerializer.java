package io.murmuration.training;

import io.murmuration.serialization.ValueSerializer;
import io.murmuration.serialization.Wire;
import io.murmuration.training.PartialSum.Counts;
import java.io.IOException;
import java.nio.ByteBuffer;
import org.apache.flink.core.memory.DataInputView;
import org.apache.flink.core.memory.DataOutputView;

/** Version 1: the fields in their order; sums as 64-bit integers, big-endian. */
public final class PartialSumSerializer extends ValueSerializer<PartialSum> {

  private static final long serialVersionUID = 1L;

  @Override
  protected int version() {
    return 1;
  }

  @Override
  protected void write(PartialSum value, DataOutputView out) throws IOException {
    Wire.writeVarLong(value.epoch(), out);
    Wire.writeVarLong(value.round(), out);
    Wire.writeVarInt(value.worker(), out);
    Wire.writeVarInt(value.workers(), out);
    Wire.writeVarInt(value.chunk(), out);
    Wire.writeVarInt(value.chunks(), out);
    out.writeDouble(value.clipNorm());
    out.writeUTF(value.modelDigest());
    Wire.writeVarInt(value.size(), out);
    ByteBuffer bytes = ByteBuffer.allocate(value.values().length * Long.BYTES);
    bytes.asLongBuffer().put(value.values());
    Wire.writeVarInt(value.values().length, out);
    out.write(bytes.array());
    Counts counts = value.counts();
    out.writeLong(counts.slices());
    out.writeLong(counts.clipped());
    out.writeLong(counts.zeroed());
    out.writeLong(counts.tokens());
    out.writeLong(counts.centredBits());
    out.writeDouble(counts.lossSum());
  }

  @Override
  protected PartialSum read(int version, DataInputView in) throws IOException {
    long epoch = Wire.readVarLong(in);
    long round = Wire.readVarLong(in);
    int worker = Wire.readVarInt(in);
    int workers = Wire.readVarInt(in);
    int chunk = Wire.readVarInt(in);
    int chunks = Wire.readVarInt(in);
    double clipNorm = in.readDouble();
    String modelDigest = in.readUTF();
    int size = Wire.readVarInt(in);
    long[] values = new long[Wire.readVarInt(in)];
    byte[] bytes = new byte[values.length * Long.BYTES];
    in.readFully(bytes);
    ByteBuffer.wrap(bytes).asLongBuffer().get(values);
    Counts counts =
        new Counts(
            in.readLong(),
            in.readLong(),
            in.readLong(),
            in.readLong(),
            in.readLong(),
            in.readDouble());
    return new PartialSum(
        epoch, round, worker, workers, chunk, chunks, clipNorm, modelDigest, size, values, counts);
  }
}
