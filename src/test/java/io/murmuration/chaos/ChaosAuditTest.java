package io.murmuration.chaos;

import static org.assertj.core.api.Assertions.assertThat;

import io.murmuration.privacy.accounting.PldAccountant;
import io.murmuration.privacy.accounting.PoissonSubsampledGaussian;
import io.murmuration.privacy.ledger.LedgerEntry;
import io.murmuration.privacy.ledger.LedgerRecord;
import io.murmuration.privacy.ledger.LedgerRecord.Charge;
import io.murmuration.privacy.ledger.LedgerRecord.EpochOpened;
import io.murmuration.privacy.ledger.LedgerRecord.Genesis;
import io.murmuration.privacy.ledger.LedgerRecord.PhaseOpened;
import io.murmuration.privacy.ledger.LedgerState;
import io.murmuration.privacy.mechanism.Grant;
import io.murmuration.privacy.mechanism.RoundMechanism;
import io.murmuration.privacy.mechanism.Sampler;
import io.murmuration.release.ReleaseAudit.Checked;
import io.murmuration.release.ReleaseContext;
import io.murmuration.release.ReleaseFiles;
import io.murmuration.release.ReleaseFormat;
import io.murmuration.release.ReleaseManifest;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import org.junit.jupiter.api.Test;

/** The audit finds what it looks for. */
class ChaosAuditTest {

  private static final double BUDGET = 8;
  private static final double DELTA = 1e-6;
  private static final RoundMechanism MECHANISM =
      new RoundMechanism(Sampler.ULS, 0.05, 1, /* noiseMultiplier= */ 2, 1, 10);

  private final Map<String, Set<String>> sent = new TreeMap<>(Map.of("a", Set.of("1", "2")));
  private final Map<String, List<String>> counted = new TreeMap<>(Map.of("a", List.of("2", "1")));
  private final List<LedgerEntry> ledger = new ArrayList<>();
  private final List<String> executed = new ArrayList<>(List.of("1/1", "1/2"));
  private final Set<String> acknowledged = new HashSet<>(executed);
  private final List<Checked> releases = new ArrayList<>();
  private final Map<Long, Set<String>> announced = new TreeMap<>();
  private final List<String> givenUp = new ArrayList<>();
  private final List<String> changed = new ArrayList<>();
  private final Set<String> abandoned = new HashSet<>();
  private Evidence.Lives lives;
  private LedgerState state = LedgerState.empty();

  ChaosAuditTest() {
    write(
        new Genesis(
            "chaos", LedgerRecord.UNIT, LedgerRecord.NEIGHBOURING_RELATION, 8, DELTA, 0, 1));
    write(new EpochOpened(1, "job"));
    write(new PhaseOpened(1, 1, MECHANISM, 8, DELTA, 100));
    for (long round = 1; round <= 3; round++) {
      write(new Charge(1, round, round, 1));
    }
    publish(1, epsilon(1));
    publish(2, epsilon(2));
  }

  private void write(LedgerRecord record) {
    LedgerEntry entry = LedgerEntry.after(state, record);
    state = state.apply(entry);
    ledger.add(entry);
  }

  private static double epsilon(long rounds) {
    return new PldAccountant()
        .epsilon(
            new PoissonSubsampledGaussian(
                MECHANISM.samplingProbability(), MECHANISM.noiseMultiplier()),
            rounds,
            DELTA);
  }

  private void publish(long round, double epsilon) {
    publish(round, epsilon, ledger.get((int) round + 2).hash());
  }

  private void publish(long round, double epsilon, String ledgerHash) {
    Grant grant = new Grant(1, round, round, 1, MECHANISM, epsilon, DELTA, ledgerHash);
    ReleaseContext context =
        new ReleaseContext(
            "chaos",
            "run",
            "model",
            "ab".repeat(32),
            "Training began at the base model.",
            ReleaseFormat.model(Map.of("config.json", new byte[0], "tokenizer.json", new byte[0])));
    ReleaseManifest manifest = ReleaseManifest.of(context, grant, "cd".repeat(32));
    releases.add(new Checked(ReleaseFiles.nameOf(round), manifest, List.of()));
    announced.put(round, Set.of("digest " + round));
  }

  private List<String> violations() throws Exception {
    Evidence evidence =
        new Evidence(
            sent,
            counted,
            ledger,
            executed,
            acknowledged,
            releases,
            announced,
            givenUp,
            changed,
            abandoned,
            lives);
    return ChaosAudit.of(evidence, BUDGET, DELTA, /* maxUndurableRounds= */ 2).violations();
  }

  @Test
  void nothingIsWrongWithASoundRun() throws Exception {
    assertThat(violations()).isEmpty();
  }

  @Test
  void findsLostDoubledAndForeignEvents() throws Exception {
    counted.put("a", List.of("1", "1", "3"));
    assertThat(violations())
        .containsExactly("of a 1 events are lost, 1 doubled, 1 not theirs or erased");
  }

  @Test
  void findsAUserWhoIsGone() throws Exception {
    counted.clear();
    assertThat(violations())
        .containsExactly("of a 2 events are lost, 0 doubled, 0 not theirs or erased");
  }

  @Test
  void findsRoundsExecutedTwiceOrWithoutACharge() throws Exception {
    executed.addAll(List.of("1/2", "2/2"));
    assertThat(violations())
        .containsExactly("a round was executed without a charge", "a round was executed twice");
  }

  @Test
  void findsAnAcknowledgementOfNothing() throws Exception {
    acknowledged.add("1/3");
    assertThat(violations()).containsExactly("a round was acknowledged and not executed");
  }

  @Test
  void findsAReleaseWithoutACharge() throws Exception {
    publish(3, epsilon(3), "00".repeat(32));
    assertThat(violations()).containsExactly("round 3 is published but not charged");
  }

  @Test
  void findsARoundPublishedTwice() throws Exception {
    announced.put(2L, Set.of("digest 2", "another"));
    changed.add("round-00000001");
    assertThat(violations())
        .containsExactly(
            "a round was published twice, with different bytes",
            "changed after it was visible: round-00000001");
  }

  /** Of epoch 1 round 3 is lost; of epoch 2 rounds 5 to 7 are, while 4 was never granted. */
  @Test
  void findsAFailureThatLostMoreRoundsThanItMay() throws Exception {
    write(new EpochOpened(2, "job"));
    for (long round = 4; round <= 7; round++) {
      write(new Charge(2, round, round, 1));
    }
    executed.addAll(List.of("2/5", "2/6", "2/7"));
    acknowledged.addAll(executed);
    assertThat(violations()).containsExactly("epoch 2 lost 3 granted rounds, but at most 2 may be");
    abandoned.add("job");
    assertThat(violations()).isEmpty();
    acknowledged.remove("2/5");
    abandoned.clear();
    assertThat(violations()).as("round 5 was not granted either").isEmpty();
  }

  @Test
  void findsAReleaseThatWasStagedAndGivenUp() throws Exception {
    givenUp.add("round-00000003");
    assertThat(violations()).containsExactly("staged, durable and given up: round-00000003");
  }

  @Test
  void findsAnAnnouncementOfNothing() throws Exception {
    announced.put(3L, Set.of("digest 3"));
    assertThat(violations()).containsExactly("announced but not visible: rounds [3]");
  }

  @Test
  void findsEpsilonThatIsTooLow() throws Exception {
    publish(3, epsilon(2));
    assertThat(violations())
        .hasSize(2)
        .allMatch(violation -> violation.contains("epsilon"), "both against ledger and sight");
  }

  @Test
  void findsAStoreWithNothingInIt() throws Exception {
    releases.clear();
    announced.clear();
    assertThat(violations())
        .containsExactly(
            "epoch 1 lost 3 granted rounds, but at most 2 may be", "nothing was published");
  }
}
