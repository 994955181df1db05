package io.murmuration.audit;

import static org.assertj.core.api.Assertions.assertThat;

import io.murmuration.privacy.audit.PrivacyProfile;
import io.murmuration.privacy.mechanism.Sampler;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;
import org.apache.commons.statistics.distribution.BinomialDistribution;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** The battery's own rates, on simulated tapes with fixed seeds. */
class BatteryStatisticalTest {

  private static AuditSetting small(Sampler sampler) {
    return AuditSetting.of(
        sampler,
        /* epsilon= */ 8,
        /* probability= */ 0.067,
        /* rounds= */ 20,
        Canaries.toss(300, 100));
  }

  private static AuditSetting correlated(Sampler sampler, int bands) {
    return AuditSetting.ofBands(
        sampler,
        /* epsilon= */ 8,
        /* probability= */ 0.067,
        /* rounds= */ 20,
        bands,
        Canaries.toss(300, 100));
  }

  private static PrivacyProfile claim(AuditSetting setting) {
    return PrivacyProfile.of(setting.charged(), setting.epsilon() / 8);
  }

  /**
   * Every test keeps to its share of false alarms. Each count rejects the truth with probability
   * 10⁻⁶; shares are large here so that there is something to count.
   */
  @ParameterizedTest
  @CsvSource({"ULS, 1", "ELS, 1", "ULS, 4"})
  void honestTapesRaiseNoMoreAlarmsThanTheyMay(Sampler sampler, int bands) {
    AuditSetting setting = bands == 1 ? small(sampler) : correlated(sampler, bands);
    PrivacyProfile claim = claim(setting);
    double falseAlarm = 0.8;
    int runs = 60;
    Map<String, Integer> alarms = new HashMap<>();
    int tests = 0;
    for (int run = 0; run < runs; run++) {
      List<Finding> findings =
          Battery.judge(setting, new SimulatedTape(setting, run).run(), claim, falseAlarm);
      tests = findings.size();
      findings.forEach(f -> alarms.merge(f.test(), f.alarm() ? 1 : 0, Integer::sum));
    }
    int most = BinomialDistribution.of(runs, falseAlarm / tests).inverseSurvivalProbability(1e-6);
    assertThat(alarms)
        .hasSize(tests)
        .allSatisfy((test, count) -> assertThat(count).isLessThanOrEqualTo(most));
  }

  /** Which tests ring, by more than three standard deviations. */
  private static List<String> alarms(AuditSetting setting, SimulatedTape tape) {
    return Battery.judge(setting, tape.run(), claim(setting)).stream()
        .filter(finding -> finding.distance() > finding.limit() + 3)
        .map(Finding::test)
        .toList();
  }

  @Test
  void anHonestTapeRaisesNone() {
    AuditSetting setting = small(Sampler.ULS);
    assertThat(Battery.judge(setting, new SimulatedTape(setting, 1).run(), claim(setting)))
        .noneMatch(Finding::alarm);
  }

  @Test
  void noiseThatIsFivePerCentTooSmallIsNoticed() {
    AuditSetting setting = small(Sampler.ULS);
    SimulatedTape tape =
        new SimulatedTape(setting, 1) {
          @Override
          double[] noise(int round) {
            return scaled(super.noise(round), 0.95);
          }
        };
    assertThat(alarms(setting, tape)).containsExactly("noise of all rounds");
  }

  @Test
  void oneSilentRoundIsNoticed() {
    AuditSetting setting = small(Sampler.ULS);
    SimulatedTape tape =
        new SimulatedTape(setting, 1) {
          @Override
          double[] noise(int round) {
            return scaled(super.noise(round), round == 7 ? 0 : 1);
          }
        };
    assertThat(alarms(setting, tape)).contains("noise of a round");
  }

  @Test
  void halfOfTheNoiseInCommonWithAnEarlierRoundIsNoticed() {
    AuditSetting setting = small(Sampler.ULS);
    SimulatedTape tape =
        new SimulatedTape(setting, 1) {
          private double[] third;

          @Override
          double[] noise(int round) {
            double[] noise = super.noise(round);
            third = round == 3 ? noise : third;
            if (round == 17) {
              for (int i = 0; i < noise.length; i++) {
                noise[i] = (noise[i] + third[i]) * Math.sqrt(0.5);
              }
            }
            return noise;
          }
        };
    assertThat(alarms(setting, tape)).contains("repeated noise");
  }

  @Test
  void noiseThatGoesFromRoundToRoundIsNoticed() {
    AuditSetting setting = small(Sampler.ULS);
    SimulatedTape tape =
        new SimulatedTape(setting, 1) {
          private double[] last;

          @Override
          double[] noise(int round) {
            double[] noise = super.noise(round);
            double share = 0.05;
            for (int i = 0; last != null && i < noise.length; i++) {
              noise[i] = Math.sqrt(1 - share * share) * noise[i] + share * last[i];
            }
            last = noise;
            return noise;
          }
        };
    assertThat(alarms(setting, tape)).containsExactly("whiteness over rounds");
  }

  @Test
  void noiseThatRepeatsWithinARoundIsNoticed() {
    AuditSetting setting = small(Sampler.ULS);
    SimulatedTape tape =
        new SimulatedTape(setting, 1) {
          @Override
          double[] noise(int round) {
            double[] noise = super.noise(round);
            for (int i = 0; i < noise.length; i++) {
              noise[i] = noise[i - i % 2];
            }
            return noise;
          }
        };
    assertThat(alarms(setting, tape)).contains("whiteness over coordinates");
  }

  @Test
  void noiseOfAnotherShapeIsNoticed() {
    AuditSetting setting = small(Sampler.ULS);
    SplittableRandom random = new SplittableRandom(9);
    SimulatedTape uniform =
        new SimulatedTape(setting, 1) {
          @Override
          double[] noise(int round) {
            return random
                .doubles(setting.canaries().coordinates(), -Math.sqrt(3), Math.sqrt(3))
                .toArray();
          }
        };
    assertThat(alarms(setting, uniform)).containsExactly("fourth moment", "extremes");
    SimulatedTape cut =
        new SimulatedTape(setting, 1) {
          @Override
          double[] noise(int round) {
            double[] noise = super.noise(round);
            for (int i = 0; i < noise.length; i++) {
              noise[i] = Math.max(-3, Math.min(3, noise[i]));
            }
            return noise;
          }
        };
    assertThat(alarms(setting, cut)).contains("extremes");
  }

  @Test
  void oneKeyForUpdateAndBitsIsNoticed() {
    AuditSetting setting =
        AuditSetting.of(Sampler.ULS, 8, 0.067, /* rounds= */ 60, Canaries.toss(300, 100));
    SimulatedTape tape =
        new SimulatedTape(setting, 1) {
          @Override
          double bitNoise(double[] noise) {
            return noise[setting.canaries().size()];
          }
        };
    assertThat(alarms(setting, tape)).containsExactly("bits against update");
  }

  @Test
  void halvedNoiseOnTheBitsIsNoticed() {
    AuditSetting setting =
        AuditSetting.of(Sampler.ULS, 8, 0.067, /* rounds= */ 150, Canaries.toss(300, 100));
    SimulatedTape tape =
        new SimulatedTape(setting, 1) {
          @Override
          double bitNoise(double[] noise) {
            return 0.5 * super.bitNoise(noise);
          }
        };
    assertThat(alarms(setting, tape)).containsExactly("noise of unclipped bits");
  }

  /** What the trainer does if it forgets what it added, where the claim is that it knows. */
  @Test
  void independentNoiseThatIsClaimedToBeCorrelatedIsNoticed() {
    AuditSetting claimed = correlated(Sampler.ULS, 4);
    AuditSetting run =
        new AuditSetting(
            Sampler.ULS,
            claimed.epsilon(),
            claimed.samplingProbability(),
            claimed.groupSize(),
            claimed.rounds(),
            claimed.lifetime(),
            claimed.canaries(),
            claimed.noiseMultiplier(),
            /* correlation= */ null);
    List<Execution> tape = new SimulatedTape(run, 1).run();
    assertThat(
            Battery.judge(claimed, tape, claim(claimed)).stream()
                .filter(finding -> finding.distance() > finding.limit() + 3)
                .map(Finding::test))
        .contains("whiteness over rounds", "samples");
  }

  private static double[] scaled(double[] noise, double factor) {
    for (int i = 0; i < noise.length; i++) {
      noise[i] *= factor;
    }
    return noise;
  }
}
