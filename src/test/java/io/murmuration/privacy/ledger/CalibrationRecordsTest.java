package io.murmuration.privacy.ledger;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.murmuration.privacy.budget.Budgets;
import io.murmuration.privacy.ledger.LedgerRecord.Calibrated;
import io.murmuration.privacy.ledger.LedgerRecord.Charge;
import io.murmuration.privacy.ledger.LedgerRecord.EpochOpened;
import io.murmuration.privacy.ledger.LedgerRecord.PhaseOpened;
import io.murmuration.privacy.mechanism.AdaptiveClipping;
import io.murmuration.privacy.mechanism.BudgetSignalSerializer;
import io.murmuration.privacy.mechanism.Grant;
import io.murmuration.privacy.mechanism.GrantSerializer;
import io.murmuration.privacy.mechanism.RoundMechanism;
import io.murmuration.privacy.mechanism.RoundQuery.CountHistogram;
import io.murmuration.privacy.mechanism.RoundQuery.ModelUpdate;
import io.murmuration.privacy.mechanism.RoundQuery.NormHistograms;
import io.murmuration.privacy.mechanism.Sampler;
import java.util.ArrayList;
import java.util.List;
import org.apache.flink.core.memory.DataInputDeserializer;
import org.apache.flink.core.memory.DataOutputSerializer;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** What calibrations and adaptive clipping add to ledger and grants. */
class CalibrationRecordsTest {

  private static final CountHistogram COUNTS = new CountHistogram(List.of(1, 2, 4));
  private static final RoundMechanism COUNTING =
      new RoundMechanism(Sampler.ULS, 1, 1, 3, 1, 1, COUNTS);
  private static final RoundMechanism ADAPTIVE =
      new RoundMechanism(
          Sampler.ULS, 0.1, 4, 1, 0.5, 16, new ModelUpdate(new AdaptiveClipping(0.5, 0.2, 2)));

  static List<RoundMechanism> mechanisms() {
    return List.of(
        COUNTING,
        ADAPTIVE,
        Budgets.MECHANISM,
        new RoundMechanism(
            Sampler.ULS,
            0.1,
            4,
            1,
            Math.sqrt(2),
            1,
            new NormHistograms(List.of(1, 4), 0.01, 2, 18)));
  }

  @ParameterizedTest
  @MethodSource("mechanisms")
  void everyMechanismIsReadAsItWasWritten(RoundMechanism mechanism) throws Exception {
    PhaseOpened phase = new PhaseOpened(1, 1, mechanism, 1, 1e-7, 3);
    LedgerEntry entry = LedgerCodec.encode(2, "ab".repeat(32), phase);
    assertThat(LedgerCodec.decode(entry.line()).record()).isEqualTo(phase);
    Grant grant = new Grant(3, 17, 99, 2, mechanism, 1.25, 1e-7, "ab".repeat(32));
    DataOutputSerializer out = new DataOutputSerializer(64);
    new BudgetSignalSerializer().serialize(grant, out);
    assertThat(
            new BudgetSignalSerializer()
                .deserialize(new DataInputDeserializer(out.getCopyOfBuffer())))
        .isEqualTo(grant);
  }

  @Test
  void outcomesAndClipNormsAreReadAsTheyWereWritten() {
    for (LedgerRecord record :
        List.of(
            new Calibrated(1, 2, 1, List.of(-0.25, 17.0, 1e-300)), new Charge(1, 2, 3, 1, 0.125))) {
      LedgerEntry entry = LedgerCodec.encode(2, "ab".repeat(32), record);
      assertThat(LedgerCodec.decode(entry.line()).record()).isEqualTo(record);
    }
  }

  @Test
  void trainingWithAFixedClipNormIsWrittenAsBefore() {
    String line =
        LedgerCodec.encode(0, "ab".repeat(32), new PhaseOpened(1, 1, Budgets.MECHANISM, 1, 1e-7, 3))
            .line();
    assertThat(line).doesNotContain("query");
    assertThat(LedgerCodec.encode(0, "ab".repeat(32), new Charge(1, 1, 1, 1)).line())
        .doesNotContain("clip_norm");
  }

  @Test
  void grantsOfTheFirstFormatAreTraining() throws Exception {
    DataOutputSerializer out = new DataOutputSerializer(64);
    out.writeByte(1);
    out.writeLong(3);
    out.writeLong(17);
    out.writeLong(99);
    out.writeInt(2);
    out.writeUTF("ULS");
    out.writeDouble(0.2);
    out.writeInt(4);
    out.writeDouble(2);
    out.writeDouble(0.5);
    out.writeDouble(16);
    out.writeDouble(1.25);
    out.writeDouble(1e-7);
    out.writeUTF("00");
    assertThat(new GrantSerializer().deserialize(new DataInputDeserializer(out.getCopyOfBuffer())))
        .isEqualTo(new Grant(3, 17, 99, 2, Budgets.OTHER_MECHANISM, 1.25, 1e-7, "00"));
  }

  @Test
  void anOutcomeFollowsItsOwnChargeOfItsOwnEpochOnce() throws Exception {
    Calibrated outcome = new Calibrated(1, 1, 1, List.of(1.0, 2.0, 3.0));
    assertThat(fold(phase(COUNTING), new Charge(1, 1, 5, 1), outcome).outcome()).contains(outcome);
    refuses("is not the last round charged", phase(COUNTING), outcome);
    refuses("once more", phase(COUNTING), new Charge(1, 1, 5, 1), outcome, outcome);
    refuses("none is open", phase(Budgets.MECHANISM), new Charge(1, 1, 5, 1), outcome);
    refuses(
        "has 2 noised numbers where its phase measures 3",
        phase(COUNTING),
        new Charge(1, 1, 5, 1),
        new Calibrated(1, 1, 1, List.of(1.0, 2.0)));
    refuses(
        "is not the last round charged in this epoch",
        phase(COUNTING),
        new Charge(1, 1, 5, 1),
        new EpochOpened(2, "a"),
        new Calibrated(2, 1, 1, List.of(1.0, 2.0, 3.0)));
    refuses(
        "in epoch 1 but the ledger is in epoch 2",
        phase(COUNTING),
        new Charge(1, 1, 5, 1),
        new EpochOpened(2, "a"),
        outcome);
    refuses(
        "tells of phase 2 but phase 1 is open",
        phase(COUNTING),
        new Charge(1, 1, 5, 1),
        new Calibrated(1, 1, 2, List.of(1.0, 2.0, 3.0)));
    refuses(
        "whose calibration came to its end",
        phase(COUNTING),
        new Charge(1, 1, 5, 1),
        outcome,
        new Charge(1, 2, 6, 1));
  }

  /** The last charge of the ledger is of this epoch, but was for what was trained before. */
  @Test
  void anOutcomeIsNotOfARoundOfThePhaseBefore() {
    refuses(
        "is not the last round charged in this epoch to this phase",
        new PhaseOpened(1, 1, Budgets.MECHANISM, 1, 1e-7, 3),
        new Charge(1, 1, 5, 1),
        new PhaseOpened(1, 2, COUNTING, 1, 1e-7, 3),
        new Calibrated(1, 1, 2, List.of(1.0, 2.0, 3.0)));
  }

  @Test
  void anAdaptiveClipNormStandsInEveryChargeAndOutlivesTheJob() throws Exception {
    assertThat(fold(phase(ADAPTIVE)).clipNorm()).isEqualTo(0.5);
    assertThat(fold(phase(ADAPTIVE), new Charge(1, 1, 5, 1, 0.75)).clipNorm()).isEqualTo(0.75);
    refuses("without its clip norm", phase(ADAPTIVE), new Charge(1, 1, 5, 1));
    refuses("a clip norm of its own", phase(Budgets.MECHANISM), new Charge(1, 1, 5, 1, 0.75));
  }

  @Test
  void whatIsNotFiniteIsNoOutcome() {
    assertThatIllegalArgumentException()
        .isThrownBy(() -> new Calibrated(1, 1, 1, List.of(Double.NaN)))
        .withMessageContaining("must be finite");
  }

  private static PhaseOpened phase(RoundMechanism mechanism) {
    return new PhaseOpened(1, 1, mechanism, 1, 1e-7, 3);
  }

  private static LedgerState fold(LedgerRecord... records) throws LedgerException {
    List<LedgerEntry> entries = new ArrayList<>();
    LedgerState state = LedgerState.empty();
    List<LedgerRecord> all = new ArrayList<>(List.of(Budgets.genesis(), new EpochOpened(1, "a")));
    all.addAll(List.of(records));
    for (LedgerRecord record : all) {
      LedgerEntry entry = LedgerEntry.after(state, record);
      entries.add(entry);
      state = state.apply(entry);
    }
    return LedgerState.of(entries, "test");
  }

  private static void refuses(String why, LedgerRecord... records) {
    assertThatThrownBy(() -> fold(records)).hasMessageContaining(why);
  }
}
