package io.murmuration.chaos;

import static org.assertj.core.api.Assertions.assertThat;

import io.murmuration.privacy.accounting.PldAccountant;
import io.murmuration.privacy.accounting.PoissonSubsampledGaussian;
import io.murmuration.privacy.ledger.LedgerEntry;
import io.murmuration.privacy.ledger.LedgerRecord;
import io.murmuration.privacy.ledger.LedgerRecord.Charge;
import io.murmuration.privacy.ledger.LedgerRecord.EpochOpened;
import io.murmuration.privacy.ledger.LedgerRecord.GenerationOpened;
import io.murmuration.privacy.ledger.LedgerRecord.Genesis;
import io.murmuration.privacy.ledger.LedgerRecord.PhaseOpened;
import io.murmuration.privacy.ledger.LedgerState;
import io.murmuration.privacy.mechanism.Grant;
import io.murmuration.privacy.mechanism.Horizon;
import io.murmuration.privacy.mechanism.PublicClock;
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
import java.util.TreeSet;
import org.junit.jupiter.api.Test;

/**
 * The audit finds who was there for longer than a lifetime of three rounds. Rounds 1 to 6 of the
 * first of two generations are charged; all but the fifth are visible.
 */
class LivesAuditTest {

  private static final int GENERATIONS = 2;

  /** Of a generation. */
  private static final double BUDGET = 8;

  private static final double DELTA = 1e-6;
  private static final long H = 3;
  private static final long ROUNDS = 6;
  private static final long NEVER_VISIBLE = 5;
  private static final RoundMechanism MECHANISM =
      new RoundMechanism(Sampler.ULS, 0.05, 1, /* noiseMultiplier= */ 2, 1, 10);

  private final Map<String, Set<String>> sent = new TreeMap<>(Map.of("late", Set.of("1")));
  private final Map<String, List<String>> counted = new TreeMap<>(Map.of("late", List.of("1")));
  private final Map<String, Set<String>> sampled = new TreeMap<>();
  private final List<LedgerEntry> ledger = new ArrayList<>();
  private final List<Checked> releases = new ArrayList<>();
  private final Map<Long, Set<String>> announced = new TreeMap<>();
  private final Set<String> executed = new TreeSet<>();
  private final Set<String> erased = new TreeSet<>();
  private LedgerState state = LedgerState.empty();
  private long retired;

  LivesAuditTest() {
    write(
        new Genesis(
            "chaos",
            LedgerRecord.UNIT,
            LedgerRecord.NEIGHBOURING_RELATION,
            GENERATIONS * BUDGET,
            GENERATIONS * DELTA,
            0,
            1,
            GENERATIONS));
    write(new EpochOpened(1, "job"));
    openGeneration(1);
    for (long round = 1; round <= ROUNDS; round++) {
      charge(round, /* generation= */ 1);
      if (round != NEVER_VISIBLE) {
        publish(round, /* generation= */ 1, /* firstRound= */ 1);
      }
    }
    for (int i = 0; i < ChaosAudit.LEAST_AT_THE_END; i++) {
      sent.put("early " + i, Set.of("1"));
      sent.put("erased " + i, Set.of());
      erased.add("erased " + i);
      retired += 2;
      sample("early " + i, 1, 2, 3);
      sample("erased " + i, 1, 2, 6);
    }
  }

  private void openGeneration(int generation) {
    write(new GenerationOpened(1, generation, new TreeMap<>(Map.of("key", "fingerprint"))));
    write(
        new PhaseOpened(1, generation, MECHANISM, BUDGET, DELTA, H, /* slot= */ null, generation));
  }

  private void charge(long round, int generation) {
    write(new Charge(1, round, round, generation));
    executed.add("1/" + round);
  }

  private void write(LedgerRecord record) {
    LedgerEntry entry = LedgerEntry.after(state, record);
    state = state.apply(entry);
    ledger.add(entry);
  }

  private void publish(long round, int generation, long firstRound) {
    double epsilon =
        (generation - 1) * BUDGET
            + new PldAccountant()
                .epsilon(
                    new PoissonSubsampledGaussian(
                        MECHANISM.samplingProbability(), MECHANISM.noiseMultiplier()),
                    Math.min(round - firstRound + 1, H),
                    DELTA);
    Grant grant =
        new Grant(
            1,
            round,
            round,
            generation,
            MECHANISM,
            epsilon,
            generation * DELTA,
            ledger.get(ledger.size() - 1).hash(),
            PublicClock.UNKNOWN,
            new Horizon(generation, H, firstRound));
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

  private void sample(String user, long... rounds) {
    for (long round : rounds) {
      sampled.computeIfAbsent("1/" + round, key -> new TreeSet<>()).add(user);
    }
  }

  private List<String> violations() throws Exception {
    Evidence evidence =
        new Evidence(
            sent,
            counted,
            ledger,
            List.copyOf(executed),
            new HashSet<>(executed),
            releases,
            announced,
            /* givenUp= */ List.of(),
            /* changedReleases= */ List.of(),
            /* abandonedJobs= */ Set.of(),
            new Evidence.Lives(sampled, retired, erased));
    return ChaosAudit.of(
            evidence, GENERATIONS * BUDGET, GENERATIONS * DELTA, /* maxUndurableRounds= */ 2)
        .violations();
  }

  @Test
  void nothingIsWrongWhereEverybodyRetires() throws Exception {
    sample("late", 4, 6);
    assertThat(violations()).isEmpty();
  }

  /** Planted: one visible round more than a lifetime. */
  @Test
  void findsWhoWasInOneVisibleRoundTooMany() throws Exception {
    sample("early 7", 4);
    assertThat(violations())
        .containsExactly(
            "early 7 was in 4 visible rounds of generation 1, but a lifetime has 3",
            "early 7 was in 4 rounds of generation 1, but a lifetime has 3",
            "early 7 was in rounds 1 to 4 of generation 1, but a lifetime has 3");
  }

  @Test
  void findsWhoCameBackAfterALifetime() throws Exception {
    sample("late", 1, 6);
    assertThat(violations())
        .containsExactly("late was in rounds 1 to 6 of generation 1, but a lifetime has 3");
  }

  @Test
  void countsRoundsThatNobodySaw() throws Exception {
    sample("late", 2, 5);
    assertThat(violations())
        .containsExactly("late was in rounds 2 to 5 of generation 1, but a lifetime has 3");
  }

  @Test
  void findsSamplesOfARoundWithoutACharge() throws Exception {
    sample("late", 7);
    assertThat(violations())
        .containsExactly("users were sampled in rounds without a charge: [1/7]");
  }

  @Test
  void findsThatNothingWasTried() throws Exception {
    sampled.clear();
    assertThat(violations())
        .containsExactly(
            "only 0 users came to the end of a lifetime of generation 1, which tries little: 20"
                + " must",
            "only 0 users who were erased came to the end of a lifetime, which tries little: 20"
                + " must");
  }

  /** Planted: an erasure that buys another lifetime. */
  @Test
  void findsWhomAnErasureGaveMoreRounds() throws Exception {
    sample("erased 7", 5);
    assertThat(violations())
        .containsExactly("erased 7 was in 4 rounds of generation 1, but a lifetime has 3");
  }

  @Test
  void findsWhatIsKeptInSpiteOfAnErasure() throws Exception {
    retired--;
    counted.put("erased 7", List.of("0"));
    assertThat(violations())
        .containsExactly("of erased 7 0 events are lost, 0 doubled, 1 not theirs or erased");
  }

  @Test
  void whatWasSaidAfterAnErasureMayBeGone() throws Exception {
    retired--;
    sent.put("erased 7", Set.of("1", "2"));
    counted.put("erased 7", List.of("2"));
    assertThat(violations()).isEmpty();
  }

  @Test
  void everybodyHasALifetimeOfEachGeneration() throws Exception {
    liveAgain();
    assertThat(violations()).isEmpty();
  }

  /** Planted: a round too many of the second generation. */
  @Test
  void findsWhoWasInARoundTooManyOfALaterGeneration() throws Exception {
    liveAgain();
    sample("early 7", 10);
    assertThat(violations())
        .contains("early 7 was in 4 visible rounds of generation 2, but a lifetime has 3");
  }

  private void liveAgain() {
    openGeneration(2);
    for (long round = ROUNDS + 1; round <= ROUNDS + H + 1; round++) {
      charge(round, /* generation= */ 2);
      publish(round, /* generation= */ 2, /* firstRound= */ ROUNDS + 1);
    }
    for (int i = 0; i < ChaosAudit.LEAST_AT_THE_END; i++) {
      sample("early " + i, 7, 8, 9);
    }
  }

  @Test
  void findsWhoIsGoneAndNotRetired() throws Exception {
    retired = ChaosAudit.LEAST_AT_THE_END - 1;
    assertThat(violations())
        .containsExactly(
            "of 40 users nothing is kept, 20 of whom never asked for erasure, but 19 are retired");
  }
}
