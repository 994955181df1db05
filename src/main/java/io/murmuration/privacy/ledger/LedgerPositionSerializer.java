package io.murmuration.privacy.ledger;

import io.murmuration.serialization.ValueSerializer;
import java.io.IOException;
import org.apache.flink.core.memory.DataInputView;
import org.apache.flink.core.memory.DataOutputView;

/** The state of the privacy budget operator. Version 1 lacks the executed round. */
public final class LedgerPositionSerializer extends ValueSerializer<LedgerPosition> {

  private static final long serialVersionUID = 1L;

  @Override
  protected int version() {
    return 2;
  }

  @Override
  protected void write(LedgerPosition value, DataOutputView out) throws IOException {
    out.writeLong(value.sequence());
    out.writeUTF(value.hash());
    out.writeLong(value.tick());
    out.writeLong(value.executedRound());
  }

  @Override
  protected LedgerPosition read(int version, DataInputView in) throws IOException {
    return new LedgerPosition(
        in.readLong(),
        in.readUTF(),
        in.readLong(),
        version == 1 ? LedgerPosition.UNKNOWN_ROUND : in.readLong());
  }
}
