package io.murmuration.privacy.budget;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.murmuration.privacy.ledger.LedgerPosition;
import io.murmuration.privacy.ledger.LedgerPositionSerializer;
import io.murmuration.privacy.mechanism.BudgetSignalSerializer;
import io.murmuration.privacy.mechanism.EpochStart;
import io.murmuration.privacy.mechanism.Grant;
import java.io.IOException;
import org.apache.flink.api.common.typeutils.TypeSerializer;
import org.apache.flink.core.memory.DataInputDeserializer;
import org.apache.flink.core.memory.DataOutputSerializer;
import org.junit.jupiter.api.Test;

class BudgetSerializersTest {

  @Test
  void signalsComeBackAsTheyWere() throws Exception {
    BudgetSignalSerializer serializer = new BudgetSignalSerializer();
    EpochStart start = new EpochStart(3, 1L << 40);
    Grant grant = new Grant(3, 17, 99, 2, Budgets.OTHER_MECHANISM, 1.25, 1e-7, "ab".repeat(32));
    assertThat(copy(serializer, start)).isEqualTo(start);
    assertThat(copy(serializer, grant)).isEqualTo(grant);
  }

  @Test
  void positionsComeBackAsTheyWere() throws Exception {
    LedgerPosition position = new LedgerPosition(12, "cd".repeat(32), 345, 17);
    assertThat(copy(new LedgerPositionSerializer(), position)).isEqualTo(position);
  }

  @Test
  void positionsOfVersion1DoNotSayWhichRoundsTheirSnapshotHolds() throws Exception {
    DataOutputSerializer old = new DataOutputSerializer(64);
    old.writeByte(1);
    old.writeLong(12);
    old.writeUTF("cd".repeat(32));
    old.writeLong(345);
    assertThat(
            new LedgerPositionSerializer()
                .deserialize(new DataInputDeserializer(old.getCopyOfBuffer())))
        .isEqualTo(new LedgerPosition(12, "cd".repeat(32), 345, LedgerPosition.UNKNOWN_ROUND));
  }

  @Test
  void unknownKindsAreRefused() {
    byte[] unknownKind = {1, 9};
    assertThatThrownBy(
            () -> new BudgetSignalSerializer().deserialize(new DataInputDeserializer(unknownKind)))
        .isInstanceOf(IOException.class)
        .hasMessageContaining("Unknown kind of budget signal: 9");
  }

  private static <T> T copy(TypeSerializer<T> serializer, T value) throws IOException {
    DataOutputSerializer out = new DataOutputSerializer(64);
    serializer.serialize(value, out);
    DataInputDeserializer in = new DataInputDeserializer(out.getCopyOfBuffer());
    T read = serializer.deserialize(in);
    assertThat(in.available()).isZero();
    return read;
  }
}
