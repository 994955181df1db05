package io.murmuration.privacy.budget;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.murmuration.privacy.ledger.LedgerPosition;
import io.murmuration.privacy.ledger.LedgerPositionSerializer;
import io.murmuration.privacy.mechanism.BudgetSignalSerializer;
import io.murmuration.privacy.mechanism.CorrelatedNoise;
import io.murmuration.privacy.mechanism.EpochStart;
import io.murmuration.privacy.mechanism.Grant;
import io.murmuration.privacy.mechanism.GrantSerializer;
import io.murmuration.privacy.mechanism.Horizon;
import io.murmuration.privacy.mechanism.InputOffsets;
import io.murmuration.privacy.mechanism.IntakeLimit;
import io.murmuration.privacy.mechanism.PublicClock;
import java.io.IOException;
import java.util.List;
import org.apache.flink.api.common.typeutils.TypeSerializer;
import org.apache.flink.core.memory.DataInputDeserializer;
import org.apache.flink.core.memory.DataOutputSerializer;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class BudgetSerializersTest {

  @Test
  void signalsComeBackAsTheyWere() throws Exception {
    BudgetSignalSerializer serializer = new BudgetSignalSerializer();
    EpochStart start = new EpochStart(3, 1L << 40);
    Grant grant = new Grant(3, 17, 99, 2, Budgets.OTHER_MECHANISM, 1.25, 1e-7, "ab".repeat(32));
    assertThat(copy(serializer, start)).isEqualTo(start);
    InputOffsets input =
        new InputOffsets("cluster", "topic", List.of(3L, 0L), List.of(1L << 40, 0L));
    EpochStart counted = new EpochStart(3, 100, 17, 2, new Horizon(2, 872, 5), input);
    assertThat(copy(serializer, counted)).isEqualTo(counted);
    IntakeLimit limit = new IntakeLimit(3, 18, input);
    assertThat(copy(serializer, limit)).isEqualTo(limit);
    assertThat(copy(serializer, grant)).isEqualTo(grant);
  }

  /** A grant as each earlier version wrote it, and as this one does. */
  @ParameterizedTest
  @ValueSource(ints = {2, 3, 4, 5})
  void grantsOfEveryVersionAreRead(int version) throws Exception {
    DataOutputSerializer old = new DataOutputSerializer(64);
    old.writeByte(version);
    old.writeLong(3);
    old.writeLong(17);
    old.writeLong(99);
    old.writeInt(2);
    old.writeUTF("ULS");
    old.writeDouble(0.2);
    old.writeInt(4);
    old.writeDouble(2);
    old.writeDouble(0.5);
    old.writeDouble(16);
    old.writeByte(0);
    old.writeDouble(1.25);
    old.writeDouble(1e-7);
    old.writeUTF("ab".repeat(32));
    PublicClock clock = new PublicClock(1_000, 100);
    if (version >= 3) {
      old.writeLong(1_000);
      old.writeLong(100);
    }
    Horizon horizon = new Horizon(2, 872, 5);
    if (version >= 4) {
      old.writeBoolean(true);
      old.writeInt(2);
      old.writeLong(872);
      old.writeLong(5);
    }
    CorrelatedNoise noise = new CorrelatedNoise(List.of(49152, 32768), "0123456789abcdef");
    if (version >= 5) {
      old.writeLong(11);
      old.writeBoolean(true);
      old.writeInt(2);
      old.writeInt(49152);
      old.writeInt(32768);
      old.writeUTF("0123456789abcdef");
    }
    Grant grant =
        new Grant(
            3,
            17,
            99,
            2,
            Budgets.OTHER_MECHANISM.withCorrelatedNoise(version < 5 ? null : noise),
            1.25,
            1e-7,
            "ab".repeat(32),
            version < 3 ? PublicClock.UNKNOWN : clock,
            version < 4 ? null : horizon,
            version < 5 ? 0 : 11);
    byte[] written = old.getCopyOfBuffer();
    assertThat(new GrantSerializer().deserialize(new DataInputDeserializer(written)))
        .isEqualTo(grant);
    assertThat(copy(new GrantSerializer(), grant)).isEqualTo(grant);
    if (version == 5) {
      DataOutputSerializer anew = new DataOutputSerializer(64);
      new GrantSerializer().serialize(grant, anew);
      assertThat(anew.getCopyOfBuffer()).isEqualTo(written);
    }
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
