package io.murmuration.contribution;

import io.murmuration.privacy.mechanism.Sampler;
import io.murmuration.serialization.ValueSerializer;
import io.murmuration.serialization.Wire;
import java.io.IOException;
import java.util.Optional;
import org.apache.flink.core.memory.DataInputView;
import org.apache.flink.core.memory.DataOutputView;

/**
 * Version 1: windows, examples, events seen, whether events wait, bytes, whether there is a
 * schedule and then its sampler's name and probability, whether there is a count and then its
 * rounds and whether it is over. Never stored: it travels within one reading of a savepoint.
 */
public final class UserFootprintSerializer extends ValueSerializer<UserFootprint> {

  private static final long serialVersionUID = 1L;

  @Override
  protected int version() {
    return 1;
  }

  @Override
  protected void write(UserFootprint value, DataOutputView out) throws IOException {
    Wire.writeVarInt(value.windows(), out);
    Wire.writeVarInt(value.examples(), out);
    Wire.writeVarLong(value.eventsSeen(), out);
    out.writeBoolean(value.waiting());
    Wire.writeVarLong(value.bytes(), out);
    out.writeBoolean(value.schedule().isPresent());
    if (value.schedule().isPresent()) {
      Wire.writeString(value.schedule().get().sampler().name(), out);
      out.writeDouble(value.schedule().get().probability());
    }
    out.writeBoolean(value.count() != null);
    if (value.count() != null) {
      Wire.writeVarLong(value.count().rounds(), out);
      out.writeBoolean(value.count().retired());
    }
  }

  @Override
  protected UserFootprint read(int version, DataInputView in) throws IOException {
    int windows = Wire.readVarInt(in);
    int examples = Wire.readVarInt(in);
    long eventsSeen = Wire.readVarLong(in);
    boolean waiting = in.readBoolean();
    long bytes = Wire.readVarLong(in);
    Optional<SamplingSchedule> schedule =
        in.readBoolean()
            ? Optional.of(
                new SamplingSchedule(Sampler.valueOf(Wire.readString(in)), in.readDouble()))
            : Optional.empty();
    UserFootprint.Count count =
        in.readBoolean() ? new UserFootprint.Count(Wire.readVarLong(in), in.readBoolean()) : null;
    return new UserFootprint(windows, examples, eventsSeen, waiting, schedule, bytes, count);
  }
}
