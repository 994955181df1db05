package io.murmuration.contribution;

import io.murmuration.serialization.ValueSerializer;
import io.murmuration.serialization.Wire;
import java.io.IOException;
import org.apache.flink.core.memory.DataInputView;
import org.apache.flink.core.memory.DataOutputView;

/** Version 1: event time, prompt or null, text. */
public final class PooledExampleSerializer extends ValueSerializer<PooledExample> {

  private static final long serialVersionUID = 1L;

  @Override
  protected int version() {
    return 1;
  }

  @Override
  protected void write(PooledExample value, DataOutputView out) throws IOException {
    out.writeLong(value.eventTimeMillis());
    Wire.writeString(value.prompt(), out);
    Wire.writeString(value.text(), out);
  }

  @Override
  protected PooledExample read(int version, DataInputView in) throws IOException {
    return new PooledExample(in.readLong(), Wire.readString(in), Wire.readString(in));
  }
}
