package io.murmuration.audit;

import static org.assertj.core.api.Assertions.assertThat;

import io.murmuration.contribution.AuditedSamplers;
import io.murmuration.contribution.UserSample;
import io.murmuration.event.Example;
import io.murmuration.privacy.audit.PrivacyProfile;
import io.murmuration.privacy.mechanism.Sampler;
import io.murmuration.privacy.noise.NoiseFactory;
import java.util.ArrayList;
import java.util.List;
import java.util.function.LongFunction;
import org.junit.jupiter.api.Test;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Each planted fault is caught by the battery, through the operators of the job. Noise and coins
 * are real, so that nothing here has a seed; a fault is missed with probability 10⁻³ at most, and
 * an alarm counts only if it is no luck (docs/audit.md has the distances).
 */
class PlantedFaultsStatisticalTest {

  private static final Logger LOG = LoggerFactory.getLogger(PlantedFaultsStatisticalTest.class);

  private static final double Q = 0.067;
  private static final long KEY = 77;

  @Test
  void withoutAFaultThereIsNoAlarm() throws Exception {
    for (Sampler sampler : Sampler.values()) {
      AuditSetting setting = small(sampler);
      assertThat(findings(setting, Plant.nothing())).noneMatch(Finding::alarm);
    }
  }

  @Test
  void halvedNoiseIsCaught() throws Exception {
    assertThat(alarms(withNoise(PlantedNoise.scaled(0.5))))
        .contains("noise of a round", "noise of all rounds", "noise on canaries that are out");
  }

  @Test
  void noiseInEverySecondRoundIsCaught() throws Exception {
    assertThat(alarms(withNoise(PlantedNoise.everySecondRound()))).contains("noise of a round");
  }

  @Test
  void noiseThatARestoredAttemptDrawsAgainIsCaught() throws Exception {
    assertThat(alarms(withNoise(PlantedNoise.sameKeyInEveryAttempt(KEY))))
        .contains("repeated noise");
  }

  @Test
  void noiseThatWasDrawnAheadAndRestoredIsCaught() throws Exception {
    assertThat(alarms(withNoise(PlantedNoise.buffered(KEY)))).contains("repeated noise");
  }

  @Test
  void missingClippingIsCaught() throws Exception {
    assertThat(alarms(Plant.nothing().withoutClipping()))
        .contains("canaries that are clipped")
        .doesNotContain("canaries that are not clipped");
  }

  @Test
  void aUserTwiceInARoundIsCaughtByWhatIsReleased() throws Exception {
    assertThat(
            alarms(
                Plant.nothing()
                    .withSamples(
                        samples -> {
                          List<UserSample> twice = new ArrayList<>(samples);
                          samples.forEach(
                              s -> twice.add(withId(s, s.userId() + "'", s.examples())));
                          return twice;
                        })))
        .contains("canaries that are clipped");
  }

  @Test
  void aUsersExamplesAsSeveralUnitsAreCaughtByWhatIsReleased() throws Exception {
    assertThat(
            alarms(
                Plant.nothing()
                    .withSamples(
                        samples -> {
                          List<UserSample> units = new ArrayList<>();
                          for (UserSample sample : samples) {
                            for (int i = 0; i < sample.examples().size(); i++) {
                              units.add(
                                  withId(
                                      sample,
                                      sample.userId() + "'" + i,
                                      List.of(sample.examples().get(i))));
                            }
                          }
                          return units;
                        })))
        .contains("canaries that are clipped");
  }

  @Test
  void samplingTwiceAsOftenIsCaught() throws Exception {
    assertThat(alarms(Plant.nothing().withProbabilityFactor(2)))
        .contains("participation", "canaries that are clipped");
  }

  @Test
  void coinsThatARestoredAttemptThrowsAgainAreCaught() throws Exception {
    assertThat(alarms(Plant.nothing().withCoins(AuditedSamplers.seeded(KEY))))
        .containsExactly("co-participation");
  }

  /** Noise is correlated over four rounds, in each of three lives. */
  private static AuditSetting correlated(Sampler sampler) {
    return AuditSetting.ofBands(
        sampler,
        /* epsilon= */ 8,
        Q,
        /* rounds= */ 45,
        /* bands= */ 4,
        Canaries.toss(/* loud= */ 1800, /* quiet= */ 600));
  }

  @Test
  void whereNoiseIsCorrelated_withoutAFaultThereIsNoAlarm() throws Exception {
    for (Sampler sampler : Sampler.values()) {
      assertThat(findings(correlated(sampler), Plant.nothing())).noneMatch(Finding::alarm);
    }
  }

  @Test
  void aStaleBufferOfNoiseIsCaught() throws Exception {
    AuditSetting setting = correlated(Sampler.ULS);
    assertThat(
            alarms(
                setting, Plant.nothing().withNoise(PlantedNoise.remembered(setting.correlation()))))
        .contains("repeated noise");
  }

  private static Plant withNoise(LongFunction<NoiseFactory> noise) {
    return Plant.nothing().withNoise(noise);
  }

  @Test
  void whereUsersRetire_withoutAFaultThereIsNoAlarm() throws Exception {
    for (Sampler sampler : Sampler.values()) {
      assertThat(findings(retiring(sampler), Plant.nothing())).noneMatch(Finding::alarm);
    }
  }

  @Test
  void aRetiredUserWhoGoesOnIsCaughtByWhatIsReleased() throws Exception {
    assertThat(alarms(retiring(Sampler.ULS), Plant.nothing().withoutRetirement()))
        .contains("canaries that are clipped", "participation");
  }

  /** Users retire at the beginning of the second of three lives. */
  private static AuditSetting retiring(Sampler sampler) {
    return AuditSetting.ofLifetimes(
        sampler,
        /* epsilon= */ 8,
        Q,
        /* rounds= */ 45,
        /* lifetime= */ 17,
        Canaries.toss(/* loud= */ 1800, /* quiet= */ 600));
  }

  private static UserSample withId(UserSample sample, String id, List<Example> examples) {
    return new UserSample(sample.epoch(), sample.round(), sample.tick(), id, examples);
  }

  private static AuditSetting small(Sampler sampler) {
    return AuditSetting.of(
        sampler,
        /* epsilon= */ 8,
        Q,
        /* rounds= */ 45,
        Canaries.toss(/* loud= */ 1800, /* quiet= */ 600));
  }

  private static List<Finding> findings(AuditSetting setting, Plant plant) throws Exception {
    List<Finding> findings =
        Battery.judge(
            setting,
            OperatorPipeline.run(setting, plant),
            PrivacyProfile.of(setting.charged(), /* step= */ setting.epsilon() / 16));
    findings.forEach(finding -> LOG.info("{}", finding));
    return findings;
  }

  private static List<String> alarms(Plant plant) throws Exception {
    return alarms(small(Sampler.ULS), plant);
  }

  private static List<String> alarms(AuditSetting setting, Plant plant) throws Exception {
    return findings(setting, plant).stream().filter(Finding::isNoLuck).map(Finding::test).toList();
  }
}
