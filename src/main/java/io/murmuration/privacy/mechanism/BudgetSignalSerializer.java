package io.murmuration.privacy.mechanism;

import io.murmuration.serialization.ValueSerializer;
import io.murmuration.serialization.Wire;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import org.apache.flink.core.memory.DataInputView;
import org.apache.flink.core.memory.DataOutputView;

/**
 * Each kind of {@link BudgetSignal}, as they travel to sampler, workers and trainer; they are part
 * of no state. From version 4 on the start of an epoch has the last round, the horizon and the
 * topic of events.
 */
public final class BudgetSignalSerializer extends ValueSerializer<BudgetSignal> {

  private static final long serialVersionUID = 1L;

  private static final int EPOCH_START = 1;
  private static final int GRANT = 2;
  private static final int MODEL_VERSION = 3;
  private static final int INTAKE_LIMIT = 4;

  @Override
  protected int version() {
    return GrantFormat.VERSION;
  }

  @Override
  protected void write(BudgetSignal value, DataOutputView out) throws IOException {
    if (value instanceof EpochStart start) {
      out.writeByte(EPOCH_START);
      out.writeLong(start.epoch());
      out.writeLong(start.firstTick());
      out.writeLong(start.lastRound());
      out.writeLong(start.lastChargingEpoch());
      GrantFormat.writeHorizon(start.horizon(), out);
      out.writeBoolean(start.input() != null);
      if (start.input() != null) {
        writeInput(start.input(), out);
      }
    } else if (value instanceof IntakeLimit limit) {
      out.writeByte(INTAKE_LIMIT);
      out.writeLong(limit.epoch());
      out.writeLong(limit.round());
      writeInput(limit.input(), out);
    } else if (value instanceof Grant grant) {
      out.writeByte(GRANT);
      GrantFormat.write(grant, out);
    } else if (value instanceof ModelVersion model) {
      out.writeByte(MODEL_VERSION);
      out.writeUTF(model.submission());
      out.writeLong(model.epoch());
      out.writeLong(model.round());
      out.writeUTF(model.digest());
      out.writeUTF(model.frozenDigest());
    } else {
      throw new IOException("No binary form for " + value);
    }
  }

  @Override
  protected BudgetSignal read(int version, DataInputView in) throws IOException {
    int kind = in.readUnsignedByte();
    return switch (kind) {
      case EPOCH_START ->
          version < 4
              ? new EpochStart(in.readLong(), in.readLong())
              : new EpochStart(
                  in.readLong(),
                  in.readLong(),
                  in.readLong(),
                  in.readLong(),
                  GrantFormat.readHorizon(in),
                  in.readBoolean() ? readInput(in) : null);
      case INTAKE_LIMIT -> new IntakeLimit(in.readLong(), in.readLong(), readInput(in));
      case GRANT -> GrantFormat.read(version, in);
      case MODEL_VERSION ->
          new ModelVersion(in.readUTF(), in.readLong(), in.readLong(), in.readUTF(), in.readUTF());
      default -> throw new IOException("Unknown kind of budget signal: " + kind);
    };
  }

  private static void writeInput(InputOffsets input, DataOutputView out) throws IOException {
    Wire.writeString(input.clusterId(), out);
    Wire.writeString(input.topicId(), out);
    Wire.writeVarInt(input.partitions(), out);
    for (int i = 0; i < input.partitions(); i++) {
      Wire.writeVarLong(input.begins().get(i), out);
      Wire.writeVarLong(input.ends().get(i), out);
    }
  }

  private static InputOffsets readInput(DataInputView in) throws IOException {
    String clusterId = Wire.readString(in);
    String topicId = Wire.readString(in);
    int partitions = Wire.readVarInt(in);
    List<Long> begins = new ArrayList<>();
    List<Long> ends = new ArrayList<>();
    for (int i = 0; i < partitions; i++) {
      begins.add(Wire.readVarLong(in));
      ends.add(Wire.readVarLong(in));
    }
    return new InputOffsets(clusterId, topicId, begins, ends);
  }
}
