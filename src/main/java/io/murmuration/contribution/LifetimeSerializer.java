package io.murmuration.contribution;

import io.murmuration.serialization.ValueSerializer;
import io.murmuration.serialization.Wire;
import java.io.IOException;
import org.apache.flink.core.memory.DataInputView;
import org.apache.flink.core.memory.DataOutputView;

/**
 * Version 1: generation, twice the rounds used and 1 if retired, the last round known. Some seven
 * bytes a user, kept for ever.
 */
public final class LifetimeSerializer extends ValueSerializer<Lifetime> {

  private static final long serialVersionUID = 1L;

  @Override
  protected int version() {
    return 1;
  }

  @Override
  protected void write(Lifetime value, DataOutputView out) throws IOException {
    Wire.writeVarInt(value.generation(), out);
    Wire.writeVarLong(2 * value.used() + (value.retired() ? 1 : 0), out);
    Wire.writeVarLong(value.end(), out);
  }

  @Override
  protected Lifetime read(int version, DataInputView in) throws IOException {
    int generation = Wire.readVarInt(in);
    long usedAndRetired = Wire.readVarLong(in);
    return new Lifetime(
        generation, usedAndRetired >> 1, Wire.readVarLong(in), (usedAndRetired & 1) == 1);
  }
}
