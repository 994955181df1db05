package io.murmuration.privacy.mechanism;

import io.murmuration.privacy.mechanism.RoundQuery.CountHistogram;
import io.murmuration.privacy.mechanism.RoundQuery.ModelUpdate;
import io.murmuration.privacy.mechanism.RoundQuery.NormHistograms;
import java.io.DataInput;
import java.io.DataOutput;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;

/**
 * Binary form of a grant and its mechanism. Version 1 has no query: it is all training. Version 2
 * has one behind the expected units. Version 3 adds the clock, version 4 whose lifetime it is,
 * version 5 the number of the round in its phase and how noise is correlated.
 */
final class GrantFormat {

  /** What {@link #write} writes. */
  static final int VERSION = 5;

  private static final int UPDATE = 0;
  private static final int ADAPTIVE_UPDATE = 1;
  private static final int COUNTS = 2;
  private static final int NORMS = 3;

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
    writeQuery(mechanism.query(), out);
    out.writeDouble(grant.epsilonSpent());
    out.writeDouble(grant.delta());
    out.writeUTF(grant.ledgerHash());
    out.writeLong(grant.clock().genesisMillis());
    out.writeLong(grant.clock().intervalMillis());
    writeHorizon(grant.horizon(), out);
    out.writeLong(grant.roundInPhase());
    writeCorrelation(mechanism.correlatedNoise(), out);
  }

  private static void writeCorrelation(CorrelatedNoise noise, DataOutput out) throws IOException {
    out.writeBoolean(noise != null);
    if (noise != null) {
      writeIntegers(noise.numerators(), out);
      out.writeUTF(noise.turnKey());
    }
  }

  private static CorrelatedNoise readCorrelation(DataInput in) throws IOException {
    return in.readBoolean() ? new CorrelatedNoise(readIntegers(in), in.readUTF()) : null;
  }

  /** Writes a horizon, or that there is none. */
  static void writeHorizon(Horizon horizon, DataOutput out) throws IOException {
    out.writeBoolean(horizon != null);
    if (horizon != null) {
      out.writeInt(horizon.generation());
      out.writeLong(horizon.rounds());
      out.writeLong(horizon.firstRound());
    }
  }

  /** Reads what {@link #writeHorizon} wrote; null for none. */
  static Horizon readHorizon(DataInput in) throws IOException {
    return in.readBoolean() ? new Horizon(in.readInt(), in.readLong(), in.readLong()) : null;
  }

  private static void writeQuery(RoundQuery query, DataOutput out) throws IOException {
    if (query instanceof CountHistogram counts) {
      out.writeByte(COUNTS);
      writeIntegers(counts.upperBounds(), out);
    } else if (query instanceof NormHistograms norms) {
      out.writeByte(NORMS);
      writeIntegers(norms.groupSizes(), out);
      out.writeDouble(norms.smallestNorm());
      out.writeDouble(norms.ratio());
      out.writeInt(norms.bins());
    } else if (query instanceof ModelUpdate update && update.adaptive() != null) {
      out.writeByte(ADAPTIVE_UPDATE);
      out.writeDouble(update.adaptive().quantile());
      out.writeDouble(update.adaptive().rate());
      out.writeDouble(update.adaptive().bitNoise());
    } else {
      out.writeByte(UPDATE);
    }
  }

  private static RoundQuery readQuery(DataInput in) throws IOException {
    int kind = in.readUnsignedByte();
    return switch (kind) {
      case UPDATE -> RoundQuery.UPDATE;
      case ADAPTIVE_UPDATE ->
          new ModelUpdate(new AdaptiveClipping(in.readDouble(), in.readDouble(), in.readDouble()));
      case COUNTS -> new CountHistogram(readIntegers(in));
      case NORMS ->
          new NormHistograms(readIntegers(in), in.readDouble(), in.readDouble(), in.readInt());
      default -> throw new IOException("Unknown kind of query: " + kind);
    };
  }

  private static void writeIntegers(List<Integer> values, DataOutput out) throws IOException {
    out.writeInt(values.size());
    for (int value : values) {
      out.writeInt(value);
    }
  }

  private static List<Integer> readIntegers(DataInput in) throws IOException {
    int size = in.readInt();
    List<Integer> values = new ArrayList<>();
    for (int i = 0; i < size; i++) {
      values.add(in.readInt());
    }
    return values;
  }

  /**
   * Reads a grant.
   *
   * @param version that wrote it, 1 to {@link #VERSION}
   */
  static Grant read(int version, DataInput in) throws IOException {
    Grant grant =
        new Grant(
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
                in.readDouble(),
                version == 1 ? RoundQuery.UPDATE : readQuery(in)),
            in.readDouble(),
            in.readDouble(),
            in.readUTF(),
            version < 3 ? PublicClock.UNKNOWN : new PublicClock(in.readLong(), in.readLong()),
            version < 4 ? null : readHorizon(in));
    return version < 5 ? grant : grant.with(in.readLong(), readCorrelation(in));
  }
}
