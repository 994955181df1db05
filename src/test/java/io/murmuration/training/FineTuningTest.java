package io.murmuration.training;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assumptions.assumeThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.murmuration.event.Example;
import io.murmuration.model.AllParameters;
import io.murmuration.model.LanguageModel;
import io.murmuration.model.LoraConfig;
import io.murmuration.model.LoraConfig.Mode;
import io.murmuration.model.LoraParameters;
import io.murmuration.model.SharedModels;
import io.murmuration.model.TextEvaluator;
import io.murmuration.model.TinyModels;
import io.murmuration.model.TrainableParameters;
import io.murmuration.privacy.mechanism.Grant;
import io.murmuration.privacy.mechanism.RoundMechanism;
import io.murmuration.privacy.mechanism.Sampler;
import io.murmuration.privacy.noise.SeededNoise;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.FieldSource;

/**
 * Private fine-tuning on messages that people wrote: the loss on users who were held out falls, in
 * every family, with noise.
 */
class FineTuningTest {

  private static final int COHORT = 24;
  private static final int MAX_TOKENS = 40;
  private static final double NOISE_MULTIPLIER = 0.5;

  @TempDir Path directory;

  private final List<PrivacySlice> users = new ArrayList<>();
  private final List<String> heldOut = new ArrayList<>();

  @BeforeEach
  void readMessages() throws IOException {
    Path file = SharedModels.path("data/ubuntu-irc.sample2000.jsonl");
    Map<String, List<Example>> byUser = new LinkedHashMap<>();
    ObjectMapper json = new ObjectMapper();
    for (String line : Files.readAllLines(file)) {
      JsonNode event = json.readTree(line);
      byUser
          .computeIfAbsent(event.path("user_id").asText(), user -> new ArrayList<>())
          .add(new Example(null, event.path("text").asText()));
    }
    assumeThat(byUser.size()).isGreaterThan(10 * COHORT);
    int number = 0;
    for (List<Example> examples : byUser.values()) {
      if (number++ % 5 == 0) {
        examples.stream().limit(2).map(Example::text).forEach(heldOut::add);
      } else {
        users.add(new PrivacySlice(examples.subList(0, Math.min(2, examples.size()))));
      }
    }
  }

  @ParameterizedTest
  @FieldSource("io.murmuration.model.TinyModels#FAMILIES")
  void allParametersOfEachFamilyLearnFromOtherUsers(String fields) throws IOException {
    Path tiny = TinyModels.describe(directory.resolve("tiny"), fields);
    try (LanguageModel model = LanguageModel.initialize(tiny, 1);
        TrainableParameters all = new AllParameters(model)) {
      assertThat(fallOfLoss(all, /* rounds= */ 30, /* learningRate= */ 0.01)).isGreaterThan(1);
    }
  }

  @ParameterizedTest
  @FieldSource("io.murmuration.model.TinyModels#FAMILIES")
  void anAdapterOfEachFamilyLearnsFromOtherUsers(String fields) throws IOException {
    Path tiny = TinyModels.write(directory.resolve("tiny"), fields, 1);
    try (LanguageModel model = LanguageModel.load(tiny);
        TrainableParameters lora = lora(model)) {
      assertThat(fallOfLoss(lora, /* rounds= */ 30, /* learningRate= */ 0.02)).isGreaterThan(0.5);
    }
  }

  @Test
  void aPretrainedModelLearnsFromOtherUsers() throws IOException {
    try (LanguageModel model = SharedModels.load("stories260K");
        TrainableParameters lora = lora(model)) {
      assertThat(fallOfLoss(lora, /* rounds= */ 10, /* learningRate= */ 0.01)).isGreaterThan(0.5);
    }
  }

  @Test
  void trainingThroughASnapshotGivesTheSameWeights() throws IOException {
    Path tiny = TinyModels.describe(directory.resolve("tiny"), TinyModels.GPT2);
    try (LanguageModel model = LanguageModel.initialize(tiny, 1);
        TrainableParameters all = new AllParameters(model)) {
      PrivateTrainer straight = trainer(all, 0.01);
      PrivateTrainer first = trainer(all, 0.01);
      List<TrainerState> snapshots = new ArrayList<>();
      for (int round = 1; round <= 6; round++) {
        straight.step(grant(round), cohort(round));
        if (round <= 3) {
          snapshots.add(first.step(grant(round), cohort(round)).state());
        }
      }
      PrivateTrainer second = trainer(all, 0.01, /* noiseDrawn= */ 3);

      second.restore(TrainerStatePartTest.throughState(snapshots.get(2)));
      for (int round = 4; round <= 6; round++) {
        second.step(grant(round), cohort(round));
      }

      assertThat(second.state().parameters()).containsExactly(straight.state().parameters());
    }
  }

  private double fallOfLoss(TrainableParameters what, int rounds, double learningRate) {
    PrivateTrainer trainer = trainer(what, learningRate);
    TextEvaluator evaluator = new TextEvaluator(what.model(), heldOut, MAX_TOKENS);
    double before = evaluator.evaluate(what, what.initialValues()).nllPerToken();
    for (int round = 1; round <= rounds; round++) {
      trainer.step(grant(round), cohort(round));
    }
    double after = evaluator.evaluate(what, trainer.state().parameters()).nllPerToken();
    return before - after;
  }

  private static PrivateTrainer trainer(TrainableParameters what, double learningRate) {
    return trainer(what, learningRate, /* noiseDrawn= */ 0);
  }

  private static PrivateTrainer trainer(
      TrainableParameters what, double learningRate, int noiseDrawn) {
    var noise = SeededNoise.factory(5);
    for (int i = 0; i < noiseDrawn; i++) {
      noise.create();
    }
    return new PrivateTrainer(
        new DecoderGradientEngine(what, EngineOptions.ofMaxTokens(MAX_TOKENS)),
        OptimizerOptions.AdamW.withDefaults(LearningRateSchedule.constant(learningRate)),
        noise);
  }

  private static LoraParameters lora(LanguageModel model) {
    return LoraParameters.fresh(
        model, new LoraConfig(8, 16, List.of(LoraConfig.ALL_LINEAR), Mode.B_ONLY));
  }

  private List<PrivacySlice> cohort(int round) {
    List<PrivacySlice> cohort = new ArrayList<>();
    for (int i = 0; i < COHORT; i++) {
      cohort.add(users.get((round * COHORT + i) % users.size()));
    }
    return cohort;
  }

  private static Grant grant(long round) {
    return new Grant(
        /* epoch= */ 1,
        round,
        /* tick= */ round,
        /* phase= */ 1,
        new RoundMechanism(
            Sampler.ULS,
            /* samplingProbability= */ 0.1,
            /* groupSize= */ 2,
            NOISE_MULTIPLIER,
            /* clipNorm= */ 1,
            /* expectedUnits= */ COHORT),
        /* epsilonSpent= */ 0.1 * round,
        /* delta= */ 1e-6,
        "%064x".formatted(round));
  }
}
