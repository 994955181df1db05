package io.murmuration.training;

import static org.assertj.core.api.Assertions.assertThat;

import io.murmuration.contribution.AuditedSamplers;
import io.murmuration.contribution.ContributionBounds;
import io.murmuration.contribution.SamplerLife;
import io.murmuration.contribution.UserSample;
import io.murmuration.model.LanguageModel;
import io.murmuration.model.LoraConfig;
import io.murmuration.model.LoraConfig.Mode;
import io.murmuration.model.LoraParameters;
import io.murmuration.model.TinyModels;
import io.murmuration.privacy.mechanism.AdaptiveClipping;
import io.murmuration.privacy.mechanism.EpochStart;
import io.murmuration.privacy.mechanism.Grant;
import io.murmuration.privacy.mechanism.RoundMechanism;
import io.murmuration.privacy.mechanism.RoundQuery;
import io.murmuration.privacy.mechanism.Sampler;
import io.murmuration.privacy.noise.SeededNoise;
import io.murmuration.training.GradientTask.FakeSource;
import io.murmuration.training.PartialSums.RoundSum;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import java.util.UUID;
import org.apache.commons.codec.digest.DigestUtils;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/**
 * How many workers there are changes no bit of a release: sums on the grid are exact in any order.
 * Sampler, workers, sums and private step are the real ones, with seeded coins and noise; texts
 * fill a micro-batch each, since what lies together in one moves gradients by float rounding.
 */
@Timeout(120)
class WorkersOfAnyNumberTest {

  private static final int ROUNDS = 4;
  private static final int USERS = 24;
  private static final int MAX_TOKENS = 12;
  private static final LoraConfig LORA =
      new LoraConfig(/* rank= */ 2, /* alpha= */ 4, List.of("all-linear"), Mode.BOTH);

  @TempDir private Path directory;
  private Path base;

  @BeforeEach
  void writeBase() throws Exception {
    base = TinyModels.write(directory.resolve("base"), TinyModels.GPT2, 11);
  }

  /** What a run came to. */
  private record Run(List<String> releases, List<Double> clipNorms, List<Long> users) {}

  @Test
  void oneTwoAndThreeWorkersReleaseTheSameBits() throws Exception {
    Run alone = run(1);
    assertThat(alone.releases()).doesNotHaveDuplicates().hasSize(ROUNDS);
    assertThat(alone.clipNorms()).doesNotHaveDuplicates();
    assertThat(alone.users()).allMatch(users -> users > 2);
    assertThat(run(2)).isEqualTo(alone);
    assertThat(run(3)).isEqualTo(alone);
  }

  private Run run(int workers) throws Exception {
    List<GradientTask> tasks = new ArrayList<>();
    try (SamplerLife sampler =
            new SamplerLife(
                new ContributionBounds(1 << 20, /* examplesPerWindow= */ 2, /* windows= */ 1),
                AuditedSamplers.seeded(5),
                /* state= */ null);
        LanguageModel model = LanguageModel.load(base);
        LoraParameters lora = LoraParameters.fresh(model, LORA)) {
      InMemoryParameterStore parameters = new InMemoryParameterStore(UUID.randomUUID().toString());
      for (int worker = 0; worker < workers; worker++) {
        GradientTask task =
            new GradientTask(
                new RealSource(lora), parameters, /* spoolBytes= */ 0, workers, worker, null);
        tasks.add(task);
        task.open();
      }
      return run(sampler, tasks, lora);
    } finally {
      for (GradientTask task : tasks) {
        task.harness.close();
      }
    }
  }

  private static Run run(SamplerLife sampler, List<GradientTask> workers, LoraParameters lora)
      throws Exception {
    for (int user = 0; user < USERS; user++) {
      sampler.say("user-" + user, (user + " says something long. ").repeat(4));
    }
    EpochStart start = new EpochStart(1, 1);
    PartialSums sums = new PartialSums(/* lastEpoch= */ 0);
    sampler.epoch(start);
    sums.onEpochStart(start);
    ParameterLayout layout = DecoderGradientEngine.layoutOf(lora);
    PrivateTrainer trainer =
        new PrivateTrainer(
            layout,
            lora.initialValues(),
            OptimizerOptions.AdamW.withDefaults(LearningRateSchedule.constant(0.01)),
            SeededNoise.factory(7),
            TrainingOrigin.UNKNOWN);
    Run run = new Run(new ArrayList<>(), new ArrayList<>(), new ArrayList<>());
    double clipNorm = 1;
    for (int round = 1; round <= ROUNDS; round++) {
      Grant grant = new Grant(1, round, round, 1, mechanism(clipNorm), 0.1 * round, 1e-6, "00");
      sums.onGrant(grant);
      List<UserSample> samples = sampler.round(grant);
      for (int i = 0; i < workers.size(); i++) {
        GradientTask worker = workers.get(i);
        if (round == 1) {
          worker.signal(start);
        }
        worker.model(1, round - 1, trainer.state().parameters());
        worker.signal(grant);
        for (UserSample sample : samples) {
          if (Math.floorMod(sample.userId().hashCode(), workers.size()) == i) {
            worker.sample(sample);
          }
        }
        worker.watermarks(round);
        worker.awaitMail();
        worker.partials().stream()
            .filter(part -> part.round() == grant.round())
            .forEach(sums::onPartial);
      }
      RoundSum sum = sums.onWatermark(round).get(0);
      run.users().add(sum.sum().slices() - sum.sum().zeroed());
      RoundOutcome outcome = trainer.apply(grant, sum.sum());
      clipNorm = outcome.answer().get(0);
      run.clipNorms().add(clipNorm);
      byte[] weights = TrainedWeights.write(layout, outcome.state().released(), List.of());
      run.releases().add(HexFormat.of().formatHex(DigestUtils.sha256(weights)));
    }
    return run;
  }

  private static RoundMechanism mechanism(double clipNorm) {
    return new RoundMechanism(
        Sampler.ULS,
        /* samplingProbability= */ 0.4,
        /* groupSize= */ 2,
        /* noiseMultiplier= */ 1,
        clipNorm,
        /* expectedUnits= */ 10,
        new RoundQuery.ModelUpdate(
            new AdaptiveClipping.Options(/* quantile= */ 0.5, /* rate= */ 0.2, 0.05).in(1, 10)));
  }

  /** LoRA factors on a real model. */
  private static final class RealSource extends FakeSource {

    private final LoraParameters lora;

    RealSource(LoraParameters lora) {
      super(/* size= */ 0);
      this.lora = lora;
    }

    @Override
    public GradientEngine engine(float[] frozen) {
      return new DecoderGradientEngine(
          lora,
          new EngineOptions(
              MAX_TOKENS, DecoderGradientEngine.smallestMemoryBudget(lora, MAX_TOKENS)));
    }
  }
}
