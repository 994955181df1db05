package io.murmuration.training;

import static io.murmuration.training.QuadraticEngine.slice;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.murmuration.privacy.mechanism.CorrelatedNoise;
import io.murmuration.privacy.mechanism.Grant;
import io.murmuration.privacy.mechanism.RoundMechanism;
import io.murmuration.privacy.mechanism.Sampler;
import io.murmuration.privacy.noise.Bands;
import io.murmuration.privacy.noise.GridNoise;
import io.murmuration.privacy.noise.NoiseFactory;
import io.murmuration.privacy.noise.SeededNoise;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.Test;

/**
 * When correlated noise goes on and when it begins anew. White noise is one deviation everywhere
 * and in every round, so that what is added says how much of the past it knows.
 */
class RoundNoiseTest {

  private static final long DEVIATION = 1 << 24;
  private static final OptimizerOptions SGD =
      new OptimizerOptions.Sgd(LearningRateSchedule.constant(1), /* momentum= */ 0);

  private static final CorrelatedNoise THREE_BANDS = bands(3);

  /** What the first, the second and any later of three bands adds in a row. */
  private static final long[] IN_A_ROW = inARow(THREE_BANDS, 4);

  private boolean fails;

  private static CorrelatedNoise bands(int bands) {
    return new CorrelatedNoise(Arrays.stream(Bands.of(bands)).boxed().toList(), "0123456789abcdef");
  }

  private static long[] inARow(CorrelatedNoise noise, int rounds) {
    long[] added = new long[rounds];
    for (int t = 0; t < rounds; t++) {
      long left = DEVIATION << 16;
      for (int j = 1; j < noise.bands() && j <= t; j++) {
        left -= noise.numerators().get(j) * added[t - j];
      }
      long first = noise.numerators().get(0);
      added[t] = Math.floorDiv(left + first / 2, first);
    }
    return added;
  }

  /** The coarse draw is one deviation, the fine one nothing. */
  private GridNoise steady() {
    int[] draws = {0};
    return sums -> {
      if (draws[0]++ % 2 == 0) {
        Arrays.setAll(sums, i -> sums[i] + DEVIATION);
      } else if (fails) {
        throw new IllegalStateException("planted");
      }
    };
  }

  private static RoundMechanism mechanism(CorrelatedNoise noise) {
    return new RoundMechanism(Sampler.ULS, 0.1, 2, /* noiseMultiplier= */ 2, 0.5, 10)
        .withCorrelatedNoise(noise);
  }

  private static Grant grant(long epoch, long round, int phase, RoundMechanism mechanism) {
    return new Grant(epoch, round, /* tick= */ round, phase, mechanism, 0.5, 1e-6, "00");
  }

  private static Grant grant(long round) {
    return grant(1, round, 1, mechanism(THREE_BANDS));
  }

  private static long added(RoundNoise noise, Grant grant) {
    long[] sums = new long[2];
    noise.addTo(sums, grant);
    assertThat(sums[1]).isEqualTo(sums[0]);
    return sums[0];
  }

  private static long completed(RoundNoise noise, Grant grant) {
    long added = added(noise, grant);
    noise.completed(grant);
    return added;
  }

  private final RoundNoise noise = new RoundNoise(this::steady, 2);

  @Test
  void roundsInARowTakeAwayWhatEarlierOnesAdded_alsoWhereTheClipNormMoves() {
    assertThat(IN_A_ROW[1]).isLessThan(IN_A_ROW[0] * 3 / 4);
    for (int t = 0; t < 4; t++) {
      RoundMechanism moved = mechanism(THREE_BANDS).withClipNorm(0.5 + t);
      assertThat(completed(noise, grant(1, 7 + t, 1, moved))).isEqualTo(IN_A_ROW[t]);
    }
  }

  @Test
  void itBeginsAnew_afterAVoidRound_andWhereEpochPhaseOrMechanismAreOthers() {
    completed(noise, grant(1));
    assertThat(completed(noise, grant(2))).isEqualTo(IN_A_ROW[1]);
    // 3 was charged and is void
    assertThat(completed(noise, grant(4))).isEqualTo(IN_A_ROW[0]);
    assertThat(completed(noise, grant(5))).isEqualTo(IN_A_ROW[1]);
    assertThat(completed(noise, grant(2, 6, 1, mechanism(THREE_BANDS)))).isEqualTo(IN_A_ROW[0]);
    assertThat(completed(noise, grant(2, 7, 2, mechanism(THREE_BANDS)))).isEqualTo(IN_A_ROW[0]);
    assertThat(completed(noise, grant(2, 8, 2, mechanism(bands(4)))))
        .isEqualTo(inARow(bands(4), 1)[0]);
    RoundMechanism louder = mechanism(bands(4)).withNoiseMultiplier(3);
    assertThat(completed(noise, grant(2, 9, 2, louder))).isEqualTo(inARow(bands(4), 1)[0]);
  }

  @Test
  void aRoundThatWasNotCompletedLeavesNothing() {
    completed(noise, grant(1));
    completed(noise, grant(2));
    added(noise, grant(3));
    assertThat(completed(noise, grant(4))).isEqualTo(IN_A_ROW[0]);
    fails = true;
    assertThatThrownBy(() -> added(noise, grant(5))).hasMessage("planted");
    fails = false;
    assertThat(completed(noise, grant(6))).isEqualTo(IN_A_ROW[0]);
    assertThat(completed(noise, grant(7))).isEqualTo(IN_A_ROW[1]);
  }

  /** Byte for byte what it was before there was any other. */
  @Test
  void independentNoiseIsTheWhiteNoiseItself() {
    RoundNoise independent = new RoundNoise(SeededNoise.factory(3), 1_500);
    NoiseFactory same = SeededNoise.factory(3);
    for (int round = 1; round < 4; round++) {
      long[] sums = new long[1_500];
      long[] expected = new long[1_500];
      Grant grant = grant(1, round, 1, mechanism(null));
      independent.addTo(sums, grant);
      independent.completed(grant);
      same.create().addTo(expected);
      assertThat(sums).isEqualTo(expected);
    }
  }

  // ---- in the trainer ----

  private final PrivateTrainer trainer =
      new PrivateTrainer(new QuadraticEngine(2), SGD, this::steady);

  /** What the trainer added in a round of nobody, in grid units: parameters are float32. */
  private long stepped(Grant grant) {
    double unit = RoundGrid.of(grant.mechanism()).sum().unit() / grant.mechanism().expectedUnits();
    float before = trainer.state().parameters()[0];
    float after = trainer.step(grant, List.of()).state().parameters()[0];
    return Math.round(((double) before - after) / unit);
  }

  private static void requireClose(long added, long expected) {
    assertThat((double) added).isBetween(expected * (1 - 1e-5), expected * (1 + 1e-5));
  }

  @Test
  void aRestoredModelBringsNoNoiseBack() {
    stepped(grant(1));
    requireClose(stepped(grant(2)), IN_A_ROW[1]);
    trainer.restore(trainer.state());
    requireClose(stepped(grant(3)), IN_A_ROW[0]);
    requireClose(stepped(grant(4)), IN_A_ROW[1]);
  }

  @Test
  void aFailedStepShiftsNothing() {
    stepped(grant(1));
    fails = true;
    assertThatThrownBy(() -> trainer.step(grant(2), List.of(slice("a")))).hasMessage("planted");
    fails = false;
    requireClose(stepped(grant(2)), IN_A_ROW[0]);
    requireClose(stepped(grant(3)), IN_A_ROW[1]);
    requireClose(stepped(grant(4)), IN_A_ROW[2]);
  }

  @Test
  void aRoundThatDivergesShiftsNothing() {
    stepped(grant(1));
    // the largest clip norm of which the grid is finite: the step is not
    Grant loud = grant(1, 2, 1, mechanism(THREE_BANDS).withClipNorm(1e300));
    assertThatThrownBy(() -> trainer.step(loud, List.of()))
        .isInstanceOf(PublicFaultException.class);
    requireClose(stepped(grant(3)), IN_A_ROW[0]);
  }
}
