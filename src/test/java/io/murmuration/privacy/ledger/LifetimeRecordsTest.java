package io.murmuration.privacy.ledger;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import io.murmuration.privacy.accounting.PldPhaseAccountant;
import io.murmuration.privacy.accounting.PrivacyLoss;
import io.murmuration.privacy.ledger.LedgerRecord.BudgetRaised;
import io.murmuration.privacy.ledger.LedgerRecord.Charge;
import io.murmuration.privacy.ledger.LedgerRecord.EpochOpened;
import io.murmuration.privacy.ledger.LedgerRecord.GenerationOpened;
import io.murmuration.privacy.ledger.LedgerRecord.Genesis;
import io.murmuration.privacy.ledger.LedgerRecord.Halted;
import io.murmuration.privacy.ledger.LedgerRecord.JointlyReserved;
import io.murmuration.privacy.ledger.LedgerRecord.Option;
import io.murmuration.privacy.ledger.LedgerRecord.PhaseOpened;
import io.murmuration.privacy.ledger.LedgerRecord.Slot;
import io.murmuration.privacy.mechanism.AccountantFactory;
import io.murmuration.privacy.mechanism.Horizon;
import io.murmuration.privacy.mechanism.RoundMechanism;
import io.murmuration.privacy.mechanism.RoundQuery.CountHistogram;
import io.murmuration.privacy.mechanism.Sampler;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.SortedMap;
import java.util.TreeMap;
import org.junit.jupiter.api.Test;

/** Generations of lifetimes in the ledger, with every way to cheat planted. */
class LifetimeRecordsTest {

  private static final SortedMap<String, String> KEY =
      new TreeMap<>(Map.of("id-key", "00112233445566aa", "ids", "1"));
  private static final SortedMap<String, String> OTHER_KEY =
      new TreeMap<>(Map.of("id-key", "ffeeddccbbaa9988", "ids", "1"));

  private static final RoundMechanism TRAIN = new RoundMechanism(Sampler.ULS, 0.067, 1, 2, 1, 16);
  private static final RoundMechanism OTHER = new RoundMechanism(Sampler.ULS, 0.067, 1, 3, 1, 16);
  private static final RoundMechanism LOOK =
      new RoundMechanism(Sampler.ULS, 1, 1, 20, 1, 1, new CountHistogram(List.of(1, 2, 4)));

  private static final AccountantFactory ACCOUNTANT =
      (mechanism, epsilon, delta) ->
          PldPhaseAccountant.forPhase(mechanism.accounted(), epsilon, delta);

  private static Genesis genesis(double epsilon, Integer generations) {
    return new Genesis(
        "starlings",
        LedgerRecord.UNIT,
        LedgerRecord.NEIGHBOURING_RELATION,
        epsilon,
        2e-6,
        1,
        100,
        generations);
  }

  private static PhaseOpened lifetime(int phase, RoundMechanism mechanism, int generation) {
    return new PhaseOpened(1, phase, mechanism, 2, 1e-6, 100, null, generation);
  }

  /** Behind the genesis of two generations of (2, 1e-6) each. */
  private static LedgerRecord[] behind(LedgerRecord... more) {
    List<LedgerRecord> records = new ArrayList<>();
    records.add(genesis(4, 2));
    records.add(new EpochOpened(1, "a"));
    records.addAll(List.of(more));
    return records.toArray(LedgerRecord[]::new);
  }

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

  private static LedgerState fold(LedgerRecord... records) {
    try {
      return LedgerState.of(entries(records), "test");
    } catch (LedgerException.Refused e) {
      throw new AssertionError(e);
    }
  }

  /** The last of these records, and none before it, cannot follow. */
  private static void refuses(String why, LedgerRecord... more) {
    refusesAll(why, behind(more));
  }

  private static void refusesAll(String why, LedgerRecord... records) {
    LedgerState state = fold(Arrays.copyOf(records, records.length - 1));
    LedgerEntry last = LedgerEntry.after(state, records[records.length - 1]);
    assertThatThrownBy(() -> state.apply(last))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining(why);
  }

  @Test
  void chargesGoOnBeyondTheHorizonAndTheLifetimeStaysTheSame() {
    List<LedgerRecord> records = new ArrayList<>(List.of(behind()));
    records.add(new GenerationOpened(1, 1, KEY));
    records.add(new PhaseOpened(1, 1, TRAIN, 2, 1e-6, 3, null, 1));
    Horizon horizon = new Horizon(1, 3, 1);
    for (int round = 1; round <= 10; round++) {
      assertThat(fold(records.toArray(LedgerRecord[]::new)).horizon()).contains(horizon);
      records.add(new Charge(1, round, 10 + round, 1));
    }
    LedgerState state = fold(records.toArray(LedgerRecord[]::new));
    assertThat(state.rounds()).isEqualTo(10);
    assertThat(state.reserved()).isEqualTo(PrivacyLoss.budget("budget", 2, 1e-6));
  }

  @Test
  void theNextGenerationClosesTheOneBeforeForGood() {
    LedgerRecord[] records =
        behind(
            new GenerationOpened(1, 1, KEY),
            lifetime(1, TRAIN, 1),
            new Charge(1, 1, 5, 1),
            new Charge(1, 2, 6, 1),
            new GenerationOpened(1, 2, OTHER_KEY),
            lifetime(2, OTHER, 2),
            new Charge(1, 3, 7, 2));
    LedgerState state = fold(records);
    assertThat(state.horizon()).contains(new Horizon(2, 100, 3));
    assertThat(state.reservedEarlier()).isEqualTo(PrivacyLoss.budget("budget", 2, 1e-6));
    assertThat(state.reserved()).isEqualTo(PrivacyLoss.budget("budget", 4, 2e-6));
    assertThat(state.phases()).hasSize(2);
    assertThat(state.phases().get(0).lastTick()).isEqualTo(6);
    LedgerState between = fold(Arrays.copyOf(records, 7));
    assertThat(between.horizon()).isEmpty();
    assertThat(between.phase()).isEmpty();
    assertThat(between.lastPhase()).isEqualTo(1);
    refuses(
        "before any phase was opened",
        new GenerationOpened(1, 1, KEY),
        lifetime(1, TRAIN, 1),
        new GenerationOpened(1, 2, KEY),
        new Charge(1, 1, 5, 1));
  }

  @Test
  void aMechanismThatIsChangedInsideAGenerationIsRefused() {
    refuses(
        "the mechanism is changed inside a generation",
        new GenerationOpened(1, 1, KEY),
        lifetime(1, TRAIN, 1),
        new Charge(1, 1, 5, 1),
        new PhaseOpened(1, 2, OTHER, 1, 5e-7, 10, null, 1));
    refuses(
        "the mechanism is changed inside a generation",
        new GenerationOpened(1, 1, KEY),
        lifetime(1, TRAIN, 1),
        new PhaseOpened(1, 2, LOOK, 1, 5e-7, 1));
  }

  @Test
  void trainingIsOfTheGenerationThatIsOpen() {
    refuses("before any generation", lifetime(1, TRAIN, 1));
    refuses(
        "before any generation",
        new JointlyReserved(1, List.of(new Slot(1, List.of(Option.of(LOOK, 1)))), 2, 1e-6));
    refuses(
        "phase 1 trains but is of no generation",
        new GenerationOpened(1, 1, KEY),
        new PhaseOpened(1, 1, TRAIN, 2, 1e-6, 100));
    refuses(
        "is of generation 2 but generation 1 is open",
        new GenerationOpened(1, 1, KEY),
        lifetime(1, TRAIN, 2));
    refuses(
        "phase 1 measures, and is no lifetime",
        new GenerationOpened(1, 1, KEY),
        new PhaseOpened(1, 1, LOOK, 2, 1e-6, 100, null, 1));
    refusesAll(
        "users of this domain have no lifetimes",
        genesis(4, null),
        new EpochOpened(1, "a"),
        lifetime(1, TRAIN, 1));
  }

  @Test
  void noMoreGenerationsAreOpenedThanReserved() {
    refuses("opens generation 2 after generation 0", new GenerationOpened(1, 2, KEY));
    refuses(
        "opens generation 1 after generation 1",
        new GenerationOpened(1, 1, KEY),
        new GenerationOpened(1, 1, KEY));
    refuses(
        "opens generation 3 but the genesis reserved 2",
        new GenerationOpened(1, 1, KEY),
        new GenerationOpened(1, 2, KEY),
        new GenerationOpened(1, 3, KEY));
    refuses("written in epoch 2", new GenerationOpened(2, 1, KEY));
    refusesAll(
        "users of this domain have no lifetimes",
        genesis(4, null),
        new EpochOpened(1, "a"),
        new GenerationOpened(1, 1, KEY));
  }

  @Test
  void aGenerationReservesNoMoreThanItsShare() {
    refuses(
        "its share is epsilon 2.0, delta 1.0E-6",
        new GenerationOpened(1, 1, KEY),
        new PhaseOpened(1, 1, TRAIN, 2.5, 1e-6, 100, null, 1));
    refuses(
        "its share is epsilon 2.0, delta 1.0E-6",
        new GenerationOpened(1, 1, KEY),
        new PhaseOpened(1, 1, LOOK, 0.5, 5e-7, 1),
        new PhaseOpened(1, 2, TRAIN, 2, 5e-7, 100, null, 1));
    // what the first generation leaves is not the second's
    refuses(
        "its share is epsilon 2.0, delta 1.0E-6",
        new GenerationOpened(1, 1, KEY),
        new PhaseOpened(1, 1, TRAIN, 1, 5e-7, 100, null, 1),
        new GenerationOpened(1, 2, KEY),
        new PhaseOpened(1, 2, TRAIN, 2.5, 1e-6, 100, null, 2));
    refuses(
        "its share is epsilon 2.0, delta 1.0E-6",
        new GenerationOpened(1, 1, KEY),
        new JointlyReserved(1, List.of(new Slot(1, List.of(Option.of(LOOK, 1)))), 3, 1e-6));
  }

  @Test
  void thirdsOfABudgetAreWithinIt() {
    Genesis thirds = genesis(1, 3);
    PrivacyLoss share = thirds.generationShare();
    assertThat(share.plus(share).plus(share).isWithin(thirds.budget())).isTrue();
    assertThat(share.epsilon()).isCloseTo(1.0 / 3, within(1e-11));
    assertThat(genesis(0.1, 1).generationShare()).isEqualTo(genesis(0.1, 1).budget());
  }

  @Test
  void aBudgetOfLifetimesIsNotRaised() {
    refuses("whose users have lifetimes", new BudgetRaised(1, 5, 2e-6));
  }

  @Test
  void aCalibrationBeforeIsPartOfTheJointShareAndCountsForNobody() {
    List<Slot> slots =
        List.of(
            new Slot(1, List.of(Option.of(LOOK, 1))), new Slot(1, List.of(Option.of(TRAIN, 40))));
    LedgerState state =
        fold(
            behind(
                new GenerationOpened(1, 1, KEY),
                new JointlyReserved(1, slots, 2, 1e-6),
                new PhaseOpened(1, 1, LOOK, 2, 1e-6, 1, 1),
                new Charge(1, 1, 5, 1),
                new LedgerRecord.Calibrated(1, 1, 1, List.of(1.0, 2.0, 3.0)),
                new PhaseOpened(1, 2, TRAIN, 2, 1e-6, 40, 2, 1)));
    assertThat(state.horizon()).contains(new Horizon(1, 40, 2));
  }

  @Test
  void epsilonOfAChargeIsThatOfWhatOneUserCanHaveTakenPartIn() throws Exception {
    List<LedgerRecord> records = new ArrayList<>(List.of(behind()));
    records.add(new GenerationOpened(1, 1, KEY));
    records.add(lifetime(1, TRAIN, 1));
    for (int round = 1; round <= 110; round++) {
      records.add(new Charge(1, round, round, 1));
    }
    records.add(new GenerationOpened(1, 2, KEY));
    records.add(lifetime(2, OTHER, 2));
    records.add(new Charge(1, 111, 111, 2));
    ChargeHistory history =
        ChargeHistory.of(entries(records.toArray(LedgerRecord[]::new)), "test", ACCOUNTANT);
    var accountant = ACCOUNTANT.create(TRAIN, 2, 1e-6);
    assertThat(epsilon(history, 99)).isEqualTo(accountant.epsilonAfter(99));
    assertThat(epsilon(history, 100)).isEqualTo(accountant.epsilonAfter(100));
    assertThat(epsilon(history, 110)).isEqualTo(accountant.epsilonAfter(100)).isLessThan(2);
    assertThat(epsilon(history, 111)).isGreaterThan(2).isLessThan(2.5);
    assertThat(history.charges().get(110).delta()).isEqualTo(2e-6);
    assertThat(history.roundsLeft()).isEmpty();
    assertThat(history.uncoveredLifetime()).isEmpty();
  }

  private static double epsilon(ChargeHistory history, int round) {
    return history.epsilonAfter(history.charges().get(round - 1));
  }

  @Test
  void aLifetimeThatItsShareDoesNotCoverIsFound() throws Exception {
    PhaseOpened tooLong = new PhaseOpened(1, 1, TRAIN, 2, 1e-6, 200, null, 1);
    ChargeHistory history =
        ChargeHistory.of(
            entries(behind(new GenerationOpened(1, 1, KEY), tooLong, new Charge(1, 1, 1, 1))),
            "test",
            ACCOUNTANT);
    assertThat(history.uncoveredLifetime()).contains(tooLong);
    assertThat(history.epsilonAfter(history.charges().get(0))).isInfinite();
  }

  @Test
  void linesOfTheFirstReleaseWithLifetimesReadAsTheyDid() throws Exception {
    List<LedgerRecord> records =
        List.of(
            behind(
                new GenerationOpened(1, 1, KEY),
                lifetime(1, TRAIN, 1),
                new Charge(1, 1, 5, 1),
                new Halted(1, HaltReason.MODEL_FAILED),
                new EpochOpened(2, "b"),
                new GenerationOpened(2, 2, OTHER_KEY),
                new PhaseOpened(2, 2, OTHER, 2, 1e-6, 100, null, 2),
                new Charge(2, 2, 9, 2)));
    String written;
    try (InputStream fixture = getClass().getResourceAsStream("lifetimes-1.ledger")) {
      written = new String(fixture.readAllBytes(), StandardCharsets.UTF_8);
    }
    List<LedgerEntry> read = written.lines().map(LedgerCodec::decode).toList();
    assertThat(read.stream().map(LedgerEntry::record)).isEqualTo(records);
    assertThat(entries(records.toArray(LedgerRecord[]::new)).stream().map(LedgerEntry::line))
        .isEqualTo(written.lines().toList());
  }

  /** Or a lifetime that is over would be stated with less than the longer option costs. */
  @Test
  void lifetimesThatMayBeChosenAreOfOneLength() {
    List<Slot> slots =
        List.of(
            new Slot(1, List.of(Option.of(LOOK, 1))),
            new Slot(1, List.of(Option.of(TRAIN, 20), Option.of(OTHER, 40))));
    refuses(
        "phase 2 has lifetimes of 20 rounds but another option in slot 2 has 40",
        new GenerationOpened(1, 1, KEY),
        new JointlyReserved(1, slots, 2, 1e-6),
        new PhaseOpened(1, 1, LOOK, 2, 1e-6, 1, 1),
        new Charge(1, 1, 5, 1),
        new PhaseOpened(1, 2, TRAIN, 2, 1e-6, 20, 2, 1));
  }
}
