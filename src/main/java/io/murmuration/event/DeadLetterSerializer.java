package io.murmuration.event;

import io.murmuration.serialization.ValueSerializer;
import io.murmuration.serialization.Wire;
import java.io.IOException;
import org.apache.flink.core.memory.DataInputView;
import org.apache.flink.core.memory.DataOutputView;

/** Version 1: the reason's name, detail, and the raw record in its own format. */
public final class DeadLetterSerializer extends ValueSerializer<DeadLetter> {

  private static final long serialVersionUID = 1L;

  private final RawRecordSerializer records = new RawRecordSerializer();

  @Override
  protected int version() {
    return 1;
  }

  @Override
  protected void write(DeadLetter value, DataOutputView out) throws IOException {
    Wire.writeString(value.reason().name(), out);
    Wire.writeString(value.detail(), out);
    records.serialize(value.record(), out);
  }

  @Override
  protected DeadLetter read(int version, DataInputView in) throws IOException {
    return new DeadLetter(
        RejectionReason.valueOf(Wire.readString(in)), Wire.readString(in), records.deserialize(in));
  }
}
