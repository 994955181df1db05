package io.murmuration.contribution;

import io.murmuration.serialization.ValueSerializer;
import io.murmuration.serialization.Wire;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import org.apache.flink.core.memory.DataInputView;
import org.apache.flink.core.memory.DataOutputView;

/**
 * Version 1: kind (1 sample, 2 counts); a sample as {@link UserSampleSerializer} writes it, or
 * epoch, round, tick, number of bins and each.
 */
public final class CohortRecordSerializer extends ValueSerializer<CohortRecord> {

  private static final long serialVersionUID = 1L;
  private static final UserSampleSerializer SAMPLES = new UserSampleSerializer();
  private static final int SAMPLE = 1;
  private static final int COUNTS = 2;

  @Override
  protected int version() {
    return 1;
  }

  @Override
  protected void write(CohortRecord value, DataOutputView out) throws IOException {
    if (value instanceof UserSample sample) {
      out.writeByte(SAMPLE);
      SAMPLES.serialize(sample, out);
    } else if (value instanceof UserCounts counts) {
      out.writeByte(COUNTS);
      Wire.writeVarLong(counts.epoch(), out);
      Wire.writeVarLong(counts.round(), out);
      Wire.writeVarLong(counts.tick(), out);
      Wire.writeVarInt(counts.users().size(), out);
      for (long users : counts.users()) {
        Wire.writeVarLong(users, out);
      }
    } else {
      throw new IOException("No binary form for " + value);
    }
  }

  @Override
  protected CohortRecord read(int version, DataInputView in) throws IOException {
    int kind = in.readUnsignedByte();
    return switch (kind) {
      case SAMPLE -> SAMPLES.deserialize(in);
      case COUNTS -> readCounts(in);
      default -> throw new IOException("Unknown kind of cohort record: " + kind);
    };
  }

  private static UserCounts readCounts(DataInputView in) throws IOException {
    long epoch = Wire.readVarLong(in);
    long round = Wire.readVarLong(in);
    long tick = Wire.readVarLong(in);
    int bins = Wire.readVarInt(in);
    List<Long> users = new ArrayList<>();
    for (int i = 0; i < bins; i++) {
      users.add(Wire.readVarLong(in));
    }
    return new UserCounts(epoch, round, tick, users);
  }
}
