package io.murmuration.privacy.mechanism;

import io.murmuration.serialization.ValueSerializer;
import java.io.IOException;
import org.apache.flink.core.memory.DataInputView;
import org.apache.flink.core.memory.DataOutputView;

/** Each kind of {@link BudgetSignal}, as they travel to sampler, workers and trainer. */
public final class BudgetSignalSerializer extends ValueSerializer<BudgetSignal> {

  private static final long serialVersionUID = 1L;

  private static final int EPOCH_START = 1;
  private static final int GRANT = 2;
  private static final int MODEL_VERSION = 3;

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
      case EPOCH_START -> new EpochStart(in.readLong(), in.readLong());
      case GRANT -> GrantFormat.read(version, in);
      case MODEL_VERSION ->
          new ModelVersion(in.readUTF(), in.readLong(), in.readLong(), in.readUTF(), in.readUTF());
      default -> throw new IOException("Unknown kind of budget signal: " + kind);
    };
  }
}
