package io.murmuration.privacy.budget;

import io.murmuration.serialization.ValueSerializer;
import java.io.IOException;
import org.apache.flink.core.memory.DataInputView;
import org.apache.flink.core.memory.DataOutputView;

/** {@link Grant} between operators. */
public final class GrantSerializer extends ValueSerializer<Grant> {

  private static final long serialVersionUID = 1L;

  @Override
  protected int version() {
    return 1;
  }

  @Override
  protected void write(Grant value, DataOutputView out) throws IOException {
    out.writeLong(value.epoch());
    out.writeLong(value.round());
    out.writeLong(value.tick());
    out.writeInt(value.phase());
    RoundMechanism mechanism = value.mechanism();
    // by name: the order of an enum's constants is no format
    out.writeUTF(mechanism.sampler().name());
    out.writeDouble(mechanism.samplingProbability());
    out.writeInt(mechanism.groupSize());
    out.writeDouble(mechanism.noiseMultiplier());
    out.writeDouble(mechanism.clipNorm());
    out.writeDouble(mechanism.expectedUnits());
    out.writeDouble(value.epsilonSpent());
    out.writeDouble(value.delta());
    out.writeUTF(value.ledgerHash());
  }

  @Override
  protected Grant read(int version, DataInputView in) throws IOException {
    return new Grant(
        in.readLong(),
        in.readLong(),
        in.readLong(),
        in.readInt(),
        new RoundMechanism(
            Sampler.valueOf(in.readUTF()),
            in.readDouble(),
            in.readInt(),
            in.readDouble(),
            in.readDouble(),
            in.readDouble()),
        in.readDouble(),
        in.readDouble(),
        in.readUTF());
  }
}
