package io.murmuration.job;

import static org.assertj.core.api.Assertions.assertThat;

import io.murmuration.calibration.CalibrationSchedule;
import io.murmuration.calibration.CalibrationTerms;
import io.murmuration.calibration.CalibrationTerms.Recalibration;
import io.murmuration.calibration.CountBins;
import io.murmuration.config.HorizonConfig;
import io.murmuration.config.PrivacyConfig;
import io.murmuration.planning.NoiseCorrelation;
import io.murmuration.privacy.accounting.PhaseAccountant;
import io.murmuration.privacy.accounting.PrivacyLoss;
import io.murmuration.privacy.budget.PhaseSchedule;
import io.murmuration.privacy.ledger.LedgerRecord.JointlyReserved;
import io.murmuration.privacy.ledger.LedgerRecord.Slot;
import io.murmuration.privacy.ledger.LedgerState;
import io.murmuration.privacy.mechanism.AdaptiveClipping;
import io.murmuration.privacy.mechanism.RoundMechanism;
import io.murmuration.privacy.mechanism.RoundQuery;
import io.murmuration.privacy.mechanism.RoundQuery.NormHistograms;
import io.murmuration.privacy.mechanism.Sampler;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.OptionalDouble;
import java.util.OptionalLong;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;

/**
 * A round that was planned is afforded: the noise that is calibrated for T rounds affords T rounds
 * by the accountant that admits them, and what they cost is never stated above the budget.
 *
 * <p>The build looks at a share of the grid; {@code -Dmurmuration.whole-grid=true} at all of it.
 */
class PlannedRoundsTest {

  private static final double[] PROBABILITIES = {0.001, 0.005, 0.02, 0.05, 0.2, 0.5, 1};
  private static final long[] ROUNDS = {1, 2, 3, 5, 10, 30, 100, 300, 1000};
  private static final double[] EPSILONS = {0.5, 2, 8};
  private static final double[] DELTAS = {1e-4, 1e-6};
  private static final int[] GROUP_SIZES = {1, 4, 16};

  private static final boolean WHOLE = Boolean.getBoolean("murmuration.whole-grid");

  private final List<String> broken = new ArrayList<>();

  private void require(RoundMechanism round, long rounds, double epsilon, double delta) {
    PhaseAccountant accountant = ConfiguredMechanism.accountant(round, epsilon, delta);
    long affordable = accountant.affordableRounds();
    if (affordable < rounds || accountant.epsilonAfter(rounds) > epsilon) {
      broken.add(
          "%s affords %d of %d rounds at epsilon %s, delta %s"
              .formatted(round, affordable, rounds, epsilon, delta));
    }
  }

  /** Every case, or one in so many, which ones a matter of chance with a fixed seed. */
  private static boolean taken(SplittableRandom random, int oneIn) {
    return WHOLE || random.nextInt(oneIn) == 0;
  }

  /** 150 rounds are 18 whole cycles of 8 and a part of one, which costs as much. */
  @Test
  void correlatedNoise_affordsWhatItIsCalibratedFor() {
    AdaptiveClipping.Options adaptive = new AdaptiveClipping.Options(0.5, 0.2, 0.05);
    for (Sampler sampler : Sampler.values()) {
      RoundMechanism round =
          ConfiguredMechanism.of(config(sampler, 0.0625, 2, 150, 8, 1e-6, adaptive, 8));
      require(round, 150, 8, 1e-6);

      assertThat(round.bands()).isEqualTo(8);
      assertThat(round.correlatedNoise())
          .isEqualTo(NoiseCorrelation.of(8, 150, round.correlatedNoise().turnKey()));
      assertThat(ConfiguredMechanism.accountant(round, 8, 1e-6).affordableRounds()).isEqualTo(152);
      assertThat(round.noiseMultiplier())
          .isGreaterThan(
              ConfiguredMechanism.of(config(sampler, 0.0625, 2, 150, 8, 1e-6, adaptive))
                  .noiseMultiplier());
    }
    assertThat(broken).isEmpty();
  }

  /** Turns are a domain's own, the same after every start. */
  @Test
  void usersHaveTheSameTurnsWheneverADomainIsStarted() {
    PrivacyConfig config = config(Sampler.ULS, 0.0625, 1, 150, 8, 1e-6, /* adaptive= */ null, 8);

    assertThat(ConfiguredMechanism.of(config)).isEqualTo(ConfiguredMechanism.of(config));
    assertThat(ConfiguredMechanism.turnKey(config).fingerprint())
        .isEqualTo(ConfiguredMechanism.of(config).correlatedNoise().turnKey())
        .isEqualTo("549af4682898461b");
  }

  @Test
  void userLevelSampling_affordsWhatItsNoiseIsCalibratedFor() {
    SplittableRandom random = new SplittableRandom(1);
    for (double q : PROBABILITIES) {
      for (long rounds : ROUNDS) {
        for (double epsilon : EPSILONS) {
          for (double delta : DELTAS) {
            if (taken(random, 4)) {
              AdaptiveClipping.Options adaptive =
                  random.nextBoolean() ? null : new AdaptiveClipping.Options(0.5, 0.2, 0.05);
              RoundMechanism round =
                  ConfiguredMechanism.of(
                      config(Sampler.ULS, q, 1, rounds, epsilon, delta, adaptive));
              assertThat(round.adaptiveClipping().isPresent()).isEqualTo(adaptive != null);
              require(round, rounds, epsilon, delta);
            }
          }
        }
      }
    }
    assertThat(broken).isEmpty();
  }

  @Test
  void exampleLevelSampling_affordsWhatItsNoiseIsCalibratedFor() {
    SplittableRandom random = new SplittableRandom(2);
    for (double p : PROBABILITIES) {
      for (long rounds : ROUNDS) {
        for (double epsilon : EPSILONS) {
          for (int group : GROUP_SIZES) {
            if (taken(random, 8)) {
              require(
                  ConfiguredMechanism.of(
                      config(Sampler.ELS, p, group, rounds, epsilon, 1e-6, /* adaptive= */ null)),
                  rounds,
                  epsilon,
                  1e-6);
            }
          }
        }
      }
    }
    assertThat(broken).isEmpty();
  }

  @Test
  void reservationsOfACalibratedDomain_coverWhateverIsChosen() throws Exception {
    SplittableRandom random = new SplittableRandom(3);
    for (Sampler sampler : Sampler.values()) {
      for (double epsilon : EPSILONS) {
        for (int attempts : new int[] {1, 3}) {
          for (int recalibrations : new int[] {0, 1, 3}) {
            if (taken(random, 24)) {
              requirePhases(terms(sampler, epsilon, attempts, recalibrations), random);
            }
          }
        }
      }
    }
    assertThat(broken).isEmpty();
  }

  /** What is reserved covers its slots, and what is chosen is an option with all its rounds. */
  private void requirePhases(CalibrationTerms terms, SplittableRandom random) throws Exception {
    CalibrationSchedule phases = new CalibrationSchedule(terms);
    PhaseSchedule.Place place = phases.phaseAt(LedgerState.empty(), /* tick= */ 0).place();
    JointlyReserved reserved =
        new JointlyReserved(
            /* epoch= */ 1, place.slots(), place.reserved().epsilon(), place.reserved().delta());
    if (!place.reserved().equals(terms.budget()) || !reserved.accounts().isCovered()) {
      broken.add(terms + " reserve " + reserved);
    }
    Map<RoundQuery, List<Double>> answers = new HashMap<>();
    for (RoundMechanism measurement : phases.measurements()) {
      answers.put(
          measurement.query(),
          random.doubles(measurement.query().answerSize(), 0, 100).boxed().toList());
    }
    RoundMechanism training = phases.training(answers);
    Slot last = place.slots().get(place.slots().size() - 1);
    if (last.times() != terms.cycles()
        || last.optionOf(training).filter(o -> o.rounds() == terms.trainingRounds()).isEmpty()) {
      broken.add(terms + " reserve no slot for " + training);
    }
  }

  private static CalibrationTerms terms(
      Sampler sampler, double epsilon, int attempts, int recalibrations) {
    return new CalibrationTerms(
        sampler,
        PrivacyLoss.budget("phase", epsilon, 1e-6),
        /* calibrationShare= */ 0.1,
        attempts,
        /* population= */ 10_000,
        /* compute= */ 512,
        /* rounds= */ 600,
        /* windowTicks= */ 10,
        /* windows= */ 3,
        /* warmUpWindows= */ 1,
        new Recalibration(/* everyWindows= */ 10, recalibrations),
        sampler == Sampler.ULS ? null : CountBins.upTo(4),
        new NormHistograms(
            sampler == Sampler.ULS ? List.of(1, 2, 4) : List.of(1),
            /* smallestNorm= */ 0.1,
            Math.sqrt(2),
            /* bins= */ 12),
        /* normSampling= */ 0.05,
        /* normQuantile= */ 0.5,
        /* clipNorm= */ 1,
        /* adaptive= */ null);
  }

  private static PrivacyConfig config(
      Sampler sampler,
      double probability,
      int groupSize,
      long rounds,
      double epsilon,
      double delta,
      AdaptiveClipping.Options adaptive) {
    return config(
        sampler, probability, groupSize, rounds, epsilon, delta, adaptive, /* noiseBands= */ 1);
  }

  private static PrivacyConfig config(
      Sampler sampler,
      double probability,
      int groupSize,
      long rounds,
      double epsilon,
      double delta,
      AdaptiveClipping.Options adaptive,
      int noiseBands) {
    return new PrivacyConfig(
        "grid",
        epsilon,
        delta,
        sampler,
        OptionalDouble.of(probability),
        groupSize,
        /* clipNorm= */ 1,
        /* expectedUnits= */ OptionalDouble.of(1000),
        adaptive,
        OptionalLong.of(rounds),
        /* noiseMultiplier= */ OptionalDouble.empty(),
        noiseBands,
        Duration.ofSeconds(1),
        /* maxUndurableRounds= */ 2,
        /* raiseBudget= */ false,
        HorizonConfig.OFF);
  }
}
