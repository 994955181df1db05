package io.murmuration.privacy.budget;

import java.io.DataInput;
import java.io.DataOutput;
import java.io.IOException;

/** Binary form of a grant and its mechanism. */
final class GrantFormat {

  private GrantFormat() {}

  static void write(Grant grant, DataOutput out) throws IOException {
    out.writeLong(grant.epoch());
    out.writeLong(grant.round());
    out.writeLong(grant.tick());
    out.writeInt(grant.phase());
    RoundMechanism mechanism = grant.mechanism();
    // by name: the order of an enum's constants is no format
    out.writeUTF(mechanism.sampler().name());
    out.writeDouble(mechanism.samplingProbability());
    out.writeInt(mechanism.groupSize());
    out.writeDouble(mechanism.noiseMultiplier());
    out.writeDouble(mechanism.clipNorm());
    out.writeDouble(mechanism.expectedUnits());
    out.writeDouble(grant.epsilonSpent());
    out.writeDouble(grant.delta());
    out.writeUTF(grant.ledgerHash());
  }

  static Grant read(DataInput in) throws IOException {
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
