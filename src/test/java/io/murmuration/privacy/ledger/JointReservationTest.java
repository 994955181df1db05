package io.murmuration.privacy.ledger;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.murmuration.privacy.accounting.PrivacyLoss;
import io.murmuration.privacy.ledger.LedgerRecord.BudgetRaised;
import io.murmuration.privacy.ledger.LedgerRecord.Charge;
import io.murmuration.privacy.ledger.LedgerRecord.EpochOpened;
import io.murmuration.privacy.ledger.LedgerRecord.Genesis;
import io.murmuration.privacy.ledger.LedgerRecord.JointlyReserved;
import io.murmuration.privacy.ledger.LedgerRecord.Option;
import io.murmuration.privacy.ledger.LedgerRecord.PhaseOpened;
import io.murmuration.privacy.ledger.LedgerRecord.Slot;
import io.murmuration.privacy.mechanism.RoundMechanism;
import io.murmuration.privacy.mechanism.Sampler;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.apache.commons.codec.digest.DigestUtils;
import org.junit.jupiter.api.Test;

/** A joint reservation and the slots that phases take, with every way to cheat planted. */
class JointReservationTest {

  private static final RoundMechanism LOOK = new RoundMechanism(Sampler.ULS, 0.1, 4, 2, 1, 1);
  private static final RoundMechanism BROAD = new RoundMechanism(Sampler.ULS, 0.05, 1, 1, 0.5, 16);
  private static final RoundMechanism NARROW =
      new RoundMechanism(Sampler.ULS, 0.0125, 4, 0.7, 0.25, 4);

  private static final List<Slot> SLOTS =
      List.of(
          new Slot(1, List.of(Option.of(LOOK, 1))),
          new Slot(2, List.of(Option.of(BROAD, 10), Option.of(NARROW, 10))));

  private static final JointlyReserved RESERVED = new JointlyReserved(1, SLOTS, 3, 1e-6);

  private static PhaseOpened slot(int phase, RoundMechanism mechanism, long rounds, int slot) {
    return new PhaseOpened(1, phase, mechanism, 3, 1e-6, rounds, slot);
  }

  private static LedgerRecord[] behind(LedgerRecord... more) {
    List<LedgerRecord> records = new ArrayList<>();
    records.add(
        new Genesis(
            "starlings", LedgerRecord.UNIT, LedgerRecord.NEIGHBOURING_RELATION, 4, 2e-6, 1, 100));
    records.add(new EpochOpened(1, "a"));
    records.add(RESERVED);
    records.addAll(List.of(more));
    return records.toArray(LedgerRecord[]::new);
  }

  private static LedgerState fold(LedgerRecord... records) {
    LedgerState state = LedgerState.empty();
    for (LedgerRecord record : records) {
      state = state.apply(LedgerEntry.after(state, record));
    }
    return state;
  }

  /** The last of these records, and none before it, cannot follow. */
  private static void refuses(String why, LedgerRecord... more) {
    LedgerRecord[] records = behind(more);
    LedgerState state = fold(Arrays.copyOf(records, records.length - 1));
    LedgerEntry last = LedgerEntry.after(state, records[records.length - 1]);
    assertThatThrownBy(() -> state.apply(last))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining(why);
  }

  @Test
  void slotsAreTakenInAnyOrderAndReserveNothingAnew() {
    LedgerState state =
        fold(
            behind(
                slot(1, NARROW, 10, 2),
                new Charge(1, 1, 5, 1),
                slot(2, LOOK, 1, 1),
                new Charge(1, 2, 6, 2),
                slot(3, BROAD.withClipNorm(7), 4, 2)));
    assertThat(state.reserved()).isEqualTo(PrivacyLoss.budget("budget", 3, 1e-6));
    assertThat(state.reservedEarlier()).isEqualTo(PrivacyLoss.NONE);
    assertThat(state.joint().orElseThrow().taken()).containsExactly(2, 1, 2);
    assertThat(state.joint().orElseThrow().timesLeft(2)).isZero();
    assertThat(state.phases().get(1).joint().taken()).containsExactly(2);
  }

  @Test
  void aPhaseThatIsNoneOfTheOptionsIsRefused() {
    refuses("none of its options", slot(1, BROAD, 1, 1));
    refuses("none of its options", slot(1, BROAD.withNoiseMultiplier(0.999), 10, 2));
    refuses("none of its options", slot(1, NARROW.withNoiseMultiplier(1), 10, 2));
    RoundMechanism byExample = new RoundMechanism(Sampler.ELS, 0.05, 1, 1, 0.5, 16);
    refuses("none of its options", slot(1, byExample, 10, 2));
  }

  @Test
  void aSlotIsNotTakenMoreOftenThanReserved() {
    refuses("reserved 1 times, once more", slot(1, LOOK, 1, 1), slot(2, LOOK, 1, 1));
    refuses(
        "reserved 2 times, once more",
        slot(1, BROAD, 10, 2),
        slot(2, NARROW, 10, 2),
        slot(3, BROAD, 10, 2));
    refuses("takes slot 3 but 2 slots were reserved", slot(1, BROAD, 10, 3));
  }

  @Test
  void noMoreRoundsThanReservedAreTakenOrCharged() {
    refuses(
        "may charge 11 rounds but its option in slot 2 was reserved with 10",
        slot(1, BROAD, 11, 2));
    refuses(
        "one round more than the 1",
        slot(1, LOOK, 1, 1),
        new Charge(1, 1, 5, 1),
        new Charge(1, 2, 6, 1));
  }

  @Test
  void aPhaseSaysNoOtherShareThanTheJointOne() {
    refuses("says that its share is", new PhaseOpened(1, 1, BROAD, 2, 1e-6, 10, 2));
  }

  @Test
  void aPhaseThatReservesForItselfEndsTheReservation() {
    PhaseOpened own = new PhaseOpened(1, 2, BROAD, 1, 1e-6, 5);
    LedgerState state = fold(behind(slot(1, LOOK, 1, 1), own));
    assertThat(state.joint()).isEmpty();
    assertThat(state.reserved()).isEqualTo(PrivacyLoss.budget("budget", 4, 2e-6));
    assertThat(state.reservedEarlier()).isEqualTo(PrivacyLoss.budget("budget", 3, 1e-6));
    refuses("no joint reservation is open", slot(1, LOOK, 1, 1), own, slot(3, BROAD, 10, 2));
  }

  @Test
  void whatIsReservedJointlyIsPartOfTheBudget() {
    refuses("another joint reservation is open", RESERVED);
    refuses(
        "brings what is reserved to",
        slot(1, LOOK, 1, 1),
        new PhaseOpened(1, 2, BROAD, 1.5, 1e-6, 5));
    LedgerState raised = fold(behind(new BudgetRaised(1, 5, 2e-6), slot(1, LOOK, 1, 1)));
    assertThat(raised.raisedSincePhase()).as("a slot reserves nothing of a raise").isTrue();
  }

  @Test
  void recordsAreReadAsTheyWereWritten() {
    for (LedgerRecord record : List.of(RESERVED, slot(1, NARROW, 10, 2))) {
      LedgerEntry entry = LedgerCodec.encode(2, "ab".repeat(32), record);
      assertThat(LedgerCodec.decode(entry.line()).record()).isEqualTo(record);
    }
    assertThat(
            LedgerCodec.encode(2, "ab".repeat(32), new PhaseOpened(1, 1, BROAD, 1, 1e-7, 3)).line())
        .doesNotContain("slot");
  }

  /** What a slot or an option says that this version does not know may limit it. */
  @Test
  void whatASlotSaysMoreIsRefused() {
    String line = LedgerCodec.encode(2, "ab".repeat(32), RESERVED).line();
    assertThat(line).contains("\"times\":2,").contains("\"group_size\":4,");
    for (String known : List.of("\"times\":2,", "\"group_size\":4,")) {
      String more = rehashed(line.replaceFirst(known, known + "\"unless\":1,"));
      assertThatIllegalArgumentException()
          .isThrownBy(() -> LedgerCodec.decode(more))
          .withMessageContaining("fields that do not belong there: [unless]");
    }
  }

  /** The line with the hash that fits what it says. */
  private static String rehashed(String line) {
    String body = line.substring(0, line.indexOf(",\"hash\""));
    return body + ",\"hash\":\"" + DigestUtils.sha256Hex(body + "}") + "\"}";
  }

  @Test
  void whatCannotBeReservedIsRefused() {
    assertThatIllegalArgumentException()
        .isThrownBy(() -> new JointlyReserved(1, List.of(), 3, 1e-6))
        .withMessageContaining("slots must be at least 1");
    assertThatIllegalArgumentException()
        .isThrownBy(() -> new Slot(1, List.of()))
        .withMessageContaining("at least one option");
    assertThatIllegalArgumentException()
        .isThrownBy(() -> new Slot(0, List.of(Option.of(LOOK, 1))))
        .withMessageContaining("times that a slot may be taken");
    assertThatIllegalArgumentException()
        .isThrownBy(() -> new Option(Sampler.ULS, Double.NaN, 1, 1, 1));
    assertThatIllegalArgumentException()
        .isThrownBy(() -> Option.of(LOOK, 0))
        .withMessageContaining("rounds of an option");
  }

  /** Planted: an ε below what the slots cost, in a chain that is whole. */
  @Test
  void anUnderstatedReservationIsFoundByComputingIt() {
    double cost = RESERVED.accounts().epsilon();
    assertThat(new JointlyReserved(1, SLOTS, cost, 1e-6).accounts().isCovered()).isTrue();
    assertThat(new JointlyReserved(1, SLOTS, 0.98 * cost, 1e-6).accounts().isCovered()).isFalse();
    assertThat(
            new JointlyReserved(1, SLOTS, 0.98 * cost, 1e-6)
                .accounts()
                .phase(List.of(), SLOTS.get(1).choice(), 10)
                .affordableRounds())
        .as("nothing is admitted on it")
        .isZero();
  }

  /** Lines of this format as this release first wrote them. */
  @Test
  void readsALedgerOfTheFirstReleaseWithJointReservations() throws Exception {
    List<LedgerEntry> entries = new ArrayList<>();
    try (InputStream in = getClass().getResourceAsStream("joint-1.ledger")) {
      new String(in.readAllBytes(), StandardCharsets.UTF_8)
          .lines()
          .map(LedgerCodec::decode)
          .forEach(entries::add);
    }
    LedgerState state = LedgerState.of(entries, "the fixture");
    assertThat(state.phases())
        .extracting(phase -> phase.opened().slot())
        .containsExactly(2, 1, 2, null);
    assertThat(state.reserved()).isEqualTo(PrivacyLoss.budget("budget", 4, 2e-6));
    assertThat(((JointlyReserved) entries.get(2).record()).accounts().isCovered()).isTrue();
  }
}
