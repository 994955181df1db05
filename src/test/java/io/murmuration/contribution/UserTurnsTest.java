package io.murmuration.contribution;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.murmuration.event.UserPseudonyms;
import io.murmuration.privacy.mechanism.CorrelatedNoise;
import io.murmuration.privacy.mechanism.Grant;
import io.murmuration.privacy.mechanism.PublicClock;
import io.murmuration.privacy.mechanism.RoundMechanism;
import io.murmuration.privacy.mechanism.Sampler;
import io.murmuration.privacy.noise.Bands;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.SplittableRandom;
import java.util.TreeSet;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.apache.flink.runtime.checkpoint.OperatorSubtaskState;
import org.apache.flink.runtime.state.KeyGroupRangeAssignment;
import org.apache.flink.streaming.util.AbstractStreamOperatorTestHarness;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Whose turn a round is, and that nobody is sampled in another. */
class UserTurnsTest {

  private static final int BANDS = 4;
  private static final int USERS = 24;
  private static final UserTurns TURNS = UserTurns.of(key(1));

  private static UserPseudonyms key(int seed) {
    byte[] key = new byte[UserPseudonyms.MIN_KEY_BYTES];
    Arrays.fill(key, (byte) seed);
    return new UserPseudonyms(key);
  }

  /** In a turn everybody is sampled, so that who is not is not by turns. */
  private static RoundMechanism mechanism(Sampler sampler, UserPseudonyms key) {
    return new RoundMechanism(sampler, /* samplingProbability= */ 1.0 / BANDS, 2, 1, 1, 10)
        .withCorrelatedNoise(
            new CorrelatedNoise(
                Arrays.stream(Bands.of(BANDS)).boxed().toList(), key.fingerprint()));
  }

  private static Grant grant(long epoch, long tick, long roundInPhase, RoundMechanism mechanism) {
    return new Grant(
        epoch,
        /* round= */ 7 + roundInPhase,
        tick,
        /* phase= */ 2,
        mechanism,
        0.1,
        1e-6,
        "00",
        PublicClock.UNKNOWN,
        /* horizon= */ null,
        roundInPhase);
  }

  @Test
  void everyRoundIsTheTurnOfSome_andEveryBthTheSame() {
    RoundMechanism mechanism = mechanism(Sampler.ULS, key(1));
    Map<String, Integer> turns = new HashMap<>();
    for (int user = 0; user < 400; user++) {
      for (int round = 0; round < 3 * BANDS; round++) {
        if (TURNS.isTurnOf("user-" + user, grant(1, round, round, mechanism))) {
          assertThat(turns.merge("user-" + user, round % BANDS, (one, other) -> other))
              .isEqualTo(round % BANDS);
        }
      }
    }
    assertThat(turns).hasSize(400);
    // 100 ± 8.7 of each: seven deviations
    Map<Integer, Long> sizes =
        turns.values().stream().collect(Collectors.groupingBy(t -> t, Collectors.counting()));
    assertThat(sizes.values()).hasSize(BANDS).allMatch(size -> Math.abs(size - 100) < 61);
  }

  @Test
  void independentNoiseKnowsNoTurns() {
    RoundMechanism independent = mechanism(Sampler.ULS, key(1)).withCorrelatedNoise(null);
    assertThat(UserTurns.NONE.isTurnOf("ann", grant(1, 1, 1, independent))).isTrue();
    assertThat(TURNS.isTurnOf("ann", grant(1, 1, 1, independent))).isTrue();
  }

  @Test
  void turnsByAnotherKeyThanTheLedgerNamesAreRefused() {
    Grant grant = grant(1, 1, 1, mechanism(Sampler.ULS, key(2)));
    assertThatThrownBy(() -> TURNS.isTurnOf("ann", grant))
        .isInstanceOf(IllegalStateException.class)
        .hasMessageContaining("the key " + key(2).fingerprint())
        .hasMessageContaining("this job's key is " + key(1).fingerprint());
    assertThatThrownBy(() -> UserTurns.NONE.isTurnOf("ann", grant))
        .hasMessageContaining("this job's key is none");
  }

  /**
   * A life with void rounds, ticks without a round, restores from earlier snapshots on one subtask
   * or two, erasures and returns: whoever is known at a granted tick is sampled in it if it is the
   * user's turn by the ledger's count, and nobody else is.
   */
  @ParameterizedTest
  @CsvSource({"ULS, 1", "ULS, 2", "ELS, 3", "ELS, 4"})
  void inATurnEverybodyOfItIsSampled_andNobodyElse_whateverFails(Sampler sampler, long seed)
      throws Exception {
    SplittableRandom random = new SplittableRandom(seed);
    RoundMechanism mechanism = mechanism(sampler, key(1));
    Map<String, List<Long>> rounds = new HashMap<>();
    OperatorSubtaskState snapshot = null;
    Set<String> snapshotUsers = new TreeSet<>();
    long roundInPhase = 0;
    long tick = 0;
    int snapshotParallelism = 1;
    for (int attempt = 1; attempt <= 6; attempt++) {
      Set<String> known = new TreeSet<>(snapshotUsers);
      int parallelism = 1 + random.nextInt(2);
      List<SamplerHarness> subtasks = new ArrayList<>();
      for (int subtask = 0; subtask < parallelism; subtask++) {
        subtasks.add(subtask(snapshot, snapshotParallelism, parallelism, subtask));
        subtasks.get(subtask).epoch(attempt, tick);
      }
      for (int step = 0; step < 30; step++) {
        String user = "user-" + random.nextInt(USERS);
        switch (random.nextInt(5)) {
          case 0 -> {
            home(subtasks, user).say(user, "text " + step);
            known.add(user);
          }
          case 1 -> {
            home(subtasks, user).erase(user);
            known.remove(user);
          }
          case 2 -> {
            // charged, and void: its outcome was unknown
            roundInPhase++;
          }
          case 3 -> {
            // what was said is in rounds from the next tick on
            for (SamplerHarness subtask : subtasks) {
              subtask.tick(tick);
            }
            tick++;
          }
          default -> {
            Grant grant = grant(attempt, tick, roundInPhase++, mechanism);
            List<String> sampled = new ArrayList<>();
            for (SamplerHarness subtask : subtasks) {
              subtask.signal(grant);
              sampled.addAll(SamplerHarness.users(subtask.tick(tick)));
            }
            tick++;
            assertThat(sampled)
                .containsExactlyInAnyOrderElementsOf(
                    known.stream().filter(known1 -> TURNS.isTurnOf(known1, grant)).toList());
            for (String one : sampled) {
              rounds.computeIfAbsent(one, who -> new ArrayList<>()).add(grant.roundInPhase());
            }
          }
        }
        if (step == 20) {
          List<OperatorSubtaskState> states = new ArrayList<>();
          for (SamplerHarness subtask : subtasks) {
            states.add(subtask.flink.snapshot(attempt, attempt));
          }
          snapshot =
              AbstractStreamOperatorTestHarness.repackageState(
                  states.toArray(OperatorSubtaskState[]::new));
          snapshotUsers = new TreeSet<>(known);
          snapshotParallelism = parallelism;
        }
      }
      for (SamplerHarness subtask : subtasks) {
        subtask.close();
      }
    }
    assertThat(rounds.values())
        .allMatch(
            of -> IntStream.range(1, of.size()).allMatch(i -> of.get(i) - of.get(i - 1) >= BANDS));
    assertThat(rounds.values().stream().mapToInt(List::size).sum()).isGreaterThan(30);
  }

  private static SamplerHarness subtask(
      OperatorSubtaskState state, int oldParallelism, int parallelism, int subtask)
      throws Exception {
    SamplerHarness harness =
        new SamplerHarness(
            new BoundAndSampleOperator(
                new ContributionBounds(1_000_000, 2, 1),
                /* lifetimes= */ null,
                TURNS,
                Randomness.secure(),
                SamplerHarness.NEVER_OVER),
            parallelism,
            subtask);
    if (state == null) {
      return harness.open();
    }
    return harness.restore(
        AbstractStreamOperatorTestHarness.repartitionOperatorState(
            state, SamplerHarness.MAX_PARALLELISM, oldParallelism, parallelism, subtask));
  }

  private static SamplerHarness home(List<SamplerHarness> subtasks, String user) {
    return subtasks.get(
        KeyGroupRangeAssignment.assignKeyToParallelOperator(
            user, SamplerHarness.MAX_PARALLELISM, subtasks.size()));
  }
}
