package io.murmuration.contribution;

import io.murmuration.contribution.SamplerHistory.Gap;
import io.murmuration.contribution.SamplerHistory.Partition;
import io.murmuration.privacy.mechanism.Horizon;
import io.murmuration.serialization.ValueSerializer;
import io.murmuration.serialization.Wire;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.apache.flink.core.memory.DataInputView;
import org.apache.flink.core.memory.DataOutputView;

/**
 * Version 1: fingerprints of id key and rules, partitions, ids of cluster and topic, whether a
 * lifetime had begun and then its generation, rounds and first round, last and next round; the
 * number of gaps and the rounds of each; the number of partitions that were looked at and of each
 * its number, where it began, what was read, the end to catch up to and the round from which that
 * counts.
 */
public final class SamplerHistorySerializer extends ValueSerializer<SamplerHistory> {

  private static final long serialVersionUID = 1L;

  @Override
  protected int version() {
    return 1;
  }

  @Override
  protected void write(SamplerHistory value, DataOutputView out) throws IOException {
    Wire.writeString(value.identity().idKey(), out);
    Wire.writeString(value.identity().inputRules(), out);
    Wire.writeVarInt(value.identity().partitions(), out);
    Wire.writeString(value.clusterId(), out);
    Wire.writeString(value.topicId(), out);
    out.writeBoolean(value.horizon() != null);
    if (value.horizon() != null) {
      Wire.writeVarInt(value.horizon().generation(), out);
      Wire.writeVarLong(value.horizon().rounds(), out);
      Wire.writeVarLong(value.horizon().firstRound(), out);
    }
    Wire.writeVarLong(value.lastRound(), out);
    Wire.writeVarLong(value.nextRound(), out);
    Wire.writeVarInt(value.gaps().size(), out);
    for (Gap gap : value.gaps()) {
      Wire.writeVarLong(gap.from(), out);
      Wire.writeVarLong(gap.to(), out);
    }
    Wire.writeVarInt(value.partitions().size(), out);
    for (Map.Entry<Integer, Partition> entry : new TreeMap<>(value.partitions()).entrySet()) {
      Partition partition = entry.getValue();
      Wire.writeVarInt(entry.getKey(), out);
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
    String clusterId = Wire.readString(in);
    String topicId = Wire.readString(in);
    Horizon horizon =
        in.readBoolean()
            ? new Horizon(Wire.readVarInt(in), Wire.readVarLong(in), Wire.readVarLong(in))
            : null;
    long lastRound = Wire.readVarLong(in);
    long nextRound = Wire.readVarLong(in);
    List<Gap> gaps = new ArrayList<>();
    for (int rest = Wire.readVarInt(in); rest > 0; rest--) {
      gaps.add(new Gap(Wire.readVarLong(in), Wire.readVarLong(in)));
    }
    Map<Integer, Partition> partitions = new TreeMap<>();
    for (int rest = Wire.readVarInt(in); rest > 0; rest--) {
      partitions.put(
          Wire.readVarInt(in),
          new Partition(
              Wire.readVarLong(in),
              Wire.readVarLong(in),
              Wire.readVarLong(in),
              Wire.readVarLong(in)));
    }
    return new SamplerHistory(
        identity, clusterId, topicId, horizon, lastRound, nextRound, gaps, partitions);
  }
}
