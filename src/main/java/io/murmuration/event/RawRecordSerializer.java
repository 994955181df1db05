package io.murmuration.event;

import io.murmuration.serialization.ValueSerializer;
import io.murmuration.serialization.Wire;
import java.io.IOException;
import org.apache.flink.core.memory.DataInputView;
import org.apache.flink.core.memory.DataOutputView;

/**
 * Version 2: key or null, value or null, topic, partition, offset, timestamp, whether it says where
 * reading begins. Version 1 lacks the last.
 */
public final class RawRecordSerializer extends ValueSerializer<RawRecord> {

  private static final long serialVersionUID = 1L;

  @Override
  protected int version() {
    return 2;
  }

  @Override
  protected void write(RawRecord value, DataOutputView out) throws IOException {
    Wire.writeBytes(value.key(), out);
    Wire.writeBytes(value.value(), out);
    Wire.writeString(value.topic(), out);
    Wire.writeVarInt(value.partition(), out);
    Wire.writeVarLong(value.offset(), out);
    out.writeLong(value.timestampMillis());
    out.writeBoolean(value.isBeginning());
  }

  @Override
  protected RawRecord read(int version, DataInputView in) throws IOException {
    return new RawRecord(
        Wire.readBytes(in),
        Wire.readBytes(in),
        Wire.readString(in),
        Wire.readVarInt(in),
        Wire.readVarLong(in),
        in.readLong(),
        version > 1 && in.readBoolean());
  }
}
