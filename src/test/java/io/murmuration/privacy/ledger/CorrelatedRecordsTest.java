package io.murmuration.privacy.ledger;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.murmuration.privacy.accounting.Mechanism;
import io.murmuration.privacy.accounting.PldAccountant;
import io.murmuration.privacy.accounting.PldPhaseAccountant;
import io.murmuration.privacy.accounting.PrivacyLoss;
import io.murmuration.privacy.ledger.LedgerRecord.Charge;
import io.murmuration.privacy.ledger.LedgerRecord.EpochOpened;
import io.murmuration.privacy.ledger.LedgerRecord.GenerationOpened;
import io.murmuration.privacy.ledger.LedgerRecord.Genesis;
import io.murmuration.privacy.ledger.LedgerRecord.JointlyReserved;
import io.murmuration.privacy.ledger.LedgerRecord.Option;
import io.murmuration.privacy.ledger.LedgerRecord.PhaseOpened;
import io.murmuration.privacy.ledger.LedgerRecord.Slot;
import io.murmuration.privacy.mechanism.AccountantFactory;
import io.murmuration.privacy.mechanism.CorrelatedNoise;
import io.murmuration.privacy.mechanism.RoundMechanism;
import io.murmuration.privacy.mechanism.Sampler;
import java.util.ArrayList;
import java.util.List;
import java.util.TreeMap;
import org.junit.jupiter.api.Test;

/** Phases whose noise is correlated over rounds: what is written, and what their rounds cost. */
class CorrelatedRecordsTest {

  private static final CorrelatedNoise NOISE =
      new CorrelatedNoise(List.of(40000, 30000, 25000, 20000), "0123456789abcdef");
  private static final RoundMechanism INDEPENDENT =
      new RoundMechanism(Sampler.ULS, 0.1, 4, 2, 0.5, 16);
  private static final RoundMechanism CORRELATED = INDEPENDENT.withCorrelatedNoise(NOISE);

  private static final AccountantFactory ACCOUNTANT =
      (mechanism, epsilon, delta) ->
          PldPhaseAccountant.forPhase(mechanism.accounted(), epsilon, delta);

  private static List<LedgerEntry> entries(LedgerRecord... records) {
    List<LedgerEntry> entries = new ArrayList<>();
    LedgerState state = LedgerState.empty();
    for (LedgerRecord record : records) {
      LedgerEntry entry = LedgerEntry.after(state, record);
      entries.add(entry);
      state = state.apply(entry);
    }
    return entries;
  }

  private static Genesis genesis(Integer generations) {
    return new Genesis(
        "starlings",
        LedgerRecord.UNIT,
        LedgerRecord.NEIGHBOURING_RELATION,
        8,
        2e-6,
        1,
        100,
        generations);
  }

  @Test
  void theWrittenFormIsPinned() {
    LedgerEntry phase =
        LedgerCodec.encode(
            2, "ab".repeat(32), new PhaseOpened(1, 1, CORRELATED, 4, 1e-6, /* maxRounds= */ 30));

    assertThat(phase.line())
        .startsWith(
            "{\"sequence\":2,\"previous\":\""
                + "ab".repeat(32)
                + "\",\"type\":\"phase\",\"epoch\":1,\"phase\":1,\"mechanism\":{\"sampler\":\"ULS\","
                + "\"sampling_probability\":0.1,\"group_size\":4,\"noise_multiplier\":2.0,"
                + "\"clip_norm\":0.5,\"expected_units\":16.0,\"correlated_noise\":"
                + "{\"coefficients\":[40000,30000,25000,20000],\"turn_key\":\"0123456789abcdef\"}},"
                + "\"epsilon\":4.0,\"delta\":1.0E-6,\"max_rounds\":30,\"hash\":\"");
    assertThat(LedgerCodec.decode(phase.line()).record()).isEqualTo(phase.record());

    LedgerEntry slots =
        LedgerCodec.encode(
            2,
            "ab".repeat(32),
            new JointlyReserved(
                1,
                List.of(
                    new Slot(1, List.of(Option.of(CORRELATED, 30), Option.of(INDEPENDENT, 30)))),
                4,
                1e-6));
    assertThat(slots.line())
        .contains("\"noise_multiplier\":2.0,\"bands\":4,\"rounds\":30},{")
        .contains("\"noise_multiplier\":2.0,\"rounds\":30}]");
    assertThat(LedgerCodec.decode(slots.line()).record()).isEqualTo(slots.record());
  }

  @Test
  void anAuditCountsTheCyclesOfAPhase() throws Exception {
    List<LedgerRecord> records =
        new ArrayList<>(
            List.of(
                genesis(/* generations= */ null),
                new EpochOpened(1, "a"),
                new PhaseOpened(1, 1, CORRELATED, 4, 1e-6, /* maxRounds= */ 30)));
    for (int round = 1; round <= 9; round++) {
      records.add(new Charge(1, round, 10 + round, 1));
    }
    ChargeHistory history =
        ChargeHistory.of(entries(records.toArray(LedgerRecord[]::new)), "test", ACCOUNTANT);
    PldAccountant accountant = new PldAccountant();
    Mechanism inTurn = Mechanism.uls(0.4, 2);

    for (int round = 1; round <= 9; round++) {
      double epsilon = accountant.epsilon(inTurn, (round + 3) / 4, 1e-6);
      assertThat(history.epsilonAfter(history.charges().get(round - 1))).isEqualTo(epsilon);
    }
    // rounds that were counted as if everybody could be in each are no proof of too little
    double independent = accountant.epsilon(INDEPENDENT.accounted(), 9, 1e-6);
    assertThat(independent).isLessThan(history.epsilonAfter(history.charges().get(8)));
    assertThat(history.covers(history.charges().get(8), independent)).isFalse();
  }

  @Test
  void anOptionIsAnotherWithOtherBands_whateverTheCoefficients() {
    JointlyReserved reserved =
        new JointlyReserved(1, List.of(new Slot(2, List.of(Option.of(CORRELATED, 30)))), 4, 1e-6);
    CorrelatedNoise others =
        new CorrelatedNoise(List.of(40000, 30000, 20000, 10000), "f".repeat(16));
    LedgerRecord[] fitting = {
      genesis(null),
      new EpochOpened(1, "a"),
      reserved,
      new PhaseOpened(1, 1, CORRELATED, 4, 1e-6, 30, 1),
      new PhaseOpened(1, 2, CORRELATED.withCorrelatedNoise(others), 4, 1e-6, 30, 1)
    };
    assertThat(entries(fitting)).hasSize(5);

    CorrelatedNoise fewer = new CorrelatedNoise(List.of(40000, 30000), "0123456789abcdef");
    for (CorrelatedNoise noise : new CorrelatedNoise[] {fewer, null}) {
      PhaseOpened cheating =
          new PhaseOpened(1, 1, CORRELATED.withCorrelatedNoise(noise), 4, 1e-6, 30, 1);
      assertThatThrownBy(() -> entries(genesis(null), new EpochOpened(1, "a"), reserved, cheating))
          .hasMessageContaining("none of its options");
    }
    assertThatThrownBy(() -> new Option(Sampler.ULS, 0.3, 1, 1, /* bands= */ 4, 10))
        .hasMessageContaining("sampling probability must be in (0, 1]");
  }

  @Test
  void whatAReservationCostsIsThatOfItsCycles() {
    JointlyReserved reserved =
        new JointlyReserved(1, List.of(new Slot(1, List.of(Option.of(CORRELATED, 30)))), 4, 1e-6);
    Option inTurn = new Option(Sampler.ULS, 0.4, 4, 2, /* rounds= */ 8);
    JointlyReserved written =
        new JointlyReserved(1, List.of(new Slot(1, List.of(inTurn))), 4, 1e-6);

    assertThat(reserved.accounts().epsilon()).isEqualTo(written.accounts().epsilon());
  }

  @Test
  void lifetimesAreRefused() {
    LedgerRecord[] before = {
      genesis(/* generations= */ 1),
      new EpochOpened(1, "a"),
      new GenerationOpened(1, 1, new TreeMap<>())
    };
    LedgerState state = LedgerState.empty();
    for (LedgerEntry entry : entries(before)) {
      state = state.apply(entry);
    }
    LedgerState last = state;
    LedgerEntry lifetime =
        LedgerEntry.after(
            last, new PhaseOpened(1, 1, CORRELATED, 4, 1e-6, 30, /* slot= */ null, 1));
    assertThatThrownBy(() -> last.apply(lifetime))
        .hasMessageContaining("has lifetimes and noise correlated over 4 rounds");
    assertThat(last.reserved()).isEqualTo(PrivacyLoss.NONE);
  }
}
