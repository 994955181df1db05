package io.murmuration.contribution;

import io.murmuration.contribution.SamplerHistory.Gap;
import io.murmuration.contribution.SamplerHistory.Partition;
import io.murmuration.contribution.SamplerHistory.Topic;
import io.murmuration.privacy.mechanism.Horizon;
import io.murmuration.serialization.ValueSerializer;
import io.murmuration.serialization.Wire;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import org.apache.flink.core.memory.DataInputView;
import org.apache.flink.core.memory.DataOutputView;

/**
 * Version 2: fingerprints of id key and rules, partitions; whether a topic is known and then the
 * ids of cluster and topic; the epoch that the state goes back to and whether it was taken in it;
 * whether a lifetime had begun and then its generation, rounds and first round; last and next
 * round; whether stretches may have ended early; the number of gaps and of each its rounds and
 * whether it is for everybody; the number of partitions that were looked at and of each where it
 * began, what was read, the end to catch up to and the round from which that counts. Version 1 does
 * not say whether stretches may have ended early: they may.
 */
public final class SamplerHistorySerializer extends ValueSerializer<SamplerHistory> {

  private static final long serialVersionUID = 1L;

  @Override
  protected int version() {
    return 2;
  }

  @Override
  protected void write(SamplerHistory value, DataOutputView out) throws IOException {
    Wire.writeString(value.identity().idKey(), out);
    Wire.writeString(value.identity().eventRules(), out);
    Wire.writeVarInt(value.identity().partitions(), out);
    out.writeBoolean(value.topic() != null);
    if (value.topic() != null) {
      Wire.writeString(value.topic().clusterId(), out);
      Wire.writeString(value.topic().topicId(), out);
    }
    Wire.writeVarLong(value.lineage(), out);
    out.writeBoolean(value.horizon() != null);
    if (value.horizon() != null) {
      Wire.writeVarInt(value.horizon().generation(), out);
      Wire.writeVarLong(value.horizon().rounds(), out);
      Wire.writeVarLong(value.horizon().firstRound(), out);
    }
    Wire.writeVarLong(value.lastRound(), out);
    Wire.writeVarLong(value.nextRound(), out);
    out.writeBoolean(value.endsEarly());
    Wire.writeVarInt(value.gaps().size(), out);
    for (Gap gap : value.gaps()) {
      Wire.writeVarLong(gap.from(), out);
      Wire.writeVarLong(gap.to(), out);
      out.writeBoolean(gap.forEverybody());
    }
    Wire.writeVarInt(value.partitions().size(), out);
    for (Partition partition : value.partitions()) {
      Wire.writeVarLong(partition.first(), out);
      Wire.writeVarLong(partition.seen(), out);
      Wire.writeVarLong(partition.end(), out);
      Wire.writeVarLong(partition.floor(), out);
    }
  }

  @Override
  protected SamplerHistory read(int version, DataInputView in) throws IOException {
    SamplerIdentity identity =
        new SamplerIdentity(Wire.readString(in), Wire.readString(in), Wire.readVarInt(in));
    Topic topic = in.readBoolean() ? new Topic(Wire.readString(in), Wire.readString(in)) : null;
    long lineage = Wire.readVarLong(in);
    Horizon horizon =
        in.readBoolean()
            ? new Horizon(Wire.readVarInt(in), Wire.readVarLong(in), Wire.readVarLong(in))
            : null;
    long lastRound = Wire.readVarLong(in);
    long nextRound = Wire.readVarLong(in);
    boolean endsEarly = version == 1 || in.readBoolean();
    List<Gap> gaps = new ArrayList<>();
    for (int rest = Wire.readVarInt(in); rest > 0; rest--) {
      gaps.add(new Gap(Wire.readVarLong(in), Wire.readVarLong(in), in.readBoolean()));
    }
    List<Partition> partitions = new ArrayList<>();
    for (int rest = Wire.readVarInt(in); rest > 0; rest--) {
      partitions.add(
          new Partition(
              Wire.readVarLong(in),
              Wire.readVarLong(in),
              Wire.readVarLong(in),
              Wire.readVarLong(in)));
    }
    return new SamplerHistory(
        identity, topic, lineage, horizon, endsEarly, lastRound, nextRound, gaps, partitions);
  }
}
