package io.murmuration.job;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.murmuration.config.MurmurationConfig;
import io.murmuration.contribution.UserSample;
import io.murmuration.event.Example;
import io.murmuration.model.AdaptedModel;
import io.murmuration.model.LanguageModel;
import io.murmuration.model.TextEvaluator;
import io.murmuration.model.TinyModels;
import io.murmuration.model.Torch;
import io.murmuration.privacy.mechanism.Grant;
import io.murmuration.privacy.mechanism.RoundMechanism;
import io.murmuration.privacy.mechanism.Sampler;
import io.murmuration.release.DirectoryModelStore;
import io.murmuration.release.PrivacyStatement;
import io.murmuration.release.ReleaseAudit;
import io.murmuration.release.ReleaseFiles;
import io.murmuration.rounds.ModelGradients;
import io.murmuration.rounds.ModelRoundTrainer;
import io.murmuration.rounds.StartingPoint;
import io.murmuration.training.GradientSource;
import io.murmuration.training.LearningRateSchedule;
import io.murmuration.training.OptimizerOptions;
import io.murmuration.training.PublicFaultException;
import io.murmuration.training.RoundSums;
import io.murmuration.training.RoundTrainer;
import io.murmuration.training.RoundTrainer.ExecutedRound;
import io.murmuration.training.TrainerState;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.FloatBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.FieldSource;
import org.junit.jupiter.params.provider.ValueSource;

/** From the configuration through the trainer to a directory that a consumer loads, and back. */
class ReleasedModelTest {

  private static final List<String> HELD_OUT = List.of("a flock turns", "no one leads it", "x");
  private static final OptimizerOptions OPTIMIZER =
      OptimizerOptions.AdamW.withDefaults(LearningRateSchedule.constant(0.02));

  @TempDir private Path directory;
  private Path base;

  @BeforeEach
  void writeBase() throws IOException {
    base = TinyModels.write(directory.resolve("base"), TinyModels.QWEN2, 11);
  }

  @ParameterizedTest
  @ValueSource(strings = {"BOTH", "B_ONLY"})
  void anAdapterIsReadBackWithTheLossOfTheLiveModel(String mode) throws IOException {
    MurmurationConfig config = settings().with("training.lora.mode", mode).config();

    Run run = train(config, 2);

    assertThat(loss(base, Optional.of(run.release)))
        .isEqualTo(run.liveNats)
        .isNotEqualTo(loss(base));
    assertThat(statement(run)).contains("Training began at LoRA factors drawn from a public seed.");
  }

  @ParameterizedTest
  @FieldSource("io.murmuration.model.TinyModels#FAMILIES")
  void aReleaseOfAllParametersIsAModelOfItsOwn(String fields) throws IOException {
    Path model = TinyModels.write(directory.resolve("model"), fields, 12);
    MurmurationConfig config =
        settings()
            .with("training.model", model.toString())
            .with("training.parameters", "ALL")
            .config();

    Run run = train(config, 2);

    assertThat(loss(run.release)).isEqualTo(run.liveNats).isNotEqualTo(loss(model));
    assertThat(names(run.release))
        .containsExactlyInAnyOrder(
            "PRIVACY.md", "config.json", "manifest.json", "model.safetensors", "tokenizer.json");
    assertThat(statement(run)).contains("Training began at the base model.");
    assertThat(new ReleaseAudit(DirectoryModelStore.reading(run.release.getParent())).verify())
        .isNotEmpty()
        .allSatisfy(release -> assertThat(release.problems()).isEmpty());
    assertThatThrownBy(() -> AdaptedModel.load(model, Optional.of(run.release)))
        .hasMessageContaining("found a whole model: give its directory as the model");
  }

  @ParameterizedTest
  @ValueSource(strings = {"LORA", "ALL"})
  void trainingBeginsAtAReleaseOfTheSameDomainThatTheLedgerMustHold(String parameters)
      throws IOException {
    Run first = train(settings().with("training.parameters", parameters).config(), 2);
    MurmurationConfig config =
        settings()
            .with("training.parameters", parameters)
            .with("training.start-from", first.release.toString())
            .with("releases.directory", directory.resolve("next").toString())
            .config();

    assertThat(startNats(config)).isEqualTo(first.liveNats);
    ConfiguredReleases plan = ConfiguredReleases.of(config);
    assertThat(plan.witness().ledgerHashes()).containsExactly(grant(2).ledgerHash());
    Run next = train(config, 3);
    assertThat(next.liveNats).isNotEqualTo(first.liveNats);
    assertThat(statement(next))
        .contains("Training began at `round-00000002`, SHA-256 `" + plan.start().digest() + "`")
        .contains("a release of this domain that is already charged");
  }

  @Test
  void aRestoredStateGoesBeforeTheStartingPoint() throws IOException {
    Run first = train(settings().config(), 1);
    MurmurationConfig config =
        settings().with("training.start-from", first.release.toString()).config();
    Run other = train(settings().with("releases.directory", dir("other")).config(), 1);
    try (ModelRoundTrainer trainer =
        trainer(config, ConfiguredReleases.of(config).start(), other.last.outcome().state())) {
      execute(trainer, config, 2);

      assertThatThrownBy(() -> execute(trainer, config, 1)).hasMessageContaining("round 1");
    }
  }

  /**
   * The release where training once began, and all but the base model, are gone: the state holds
   * what is frozen too. The release of the next round says where training began all the same.
   */
  @ParameterizedTest
  @CsvSource({"LORA, B_ONLY", "LORA, BOTH", "ALL, BOTH"})
  void aRestoredStateNeedsNoStartingPoint(String parameters, String mode) throws IOException {
    JobConfigs settings =
        settings().with("training.parameters", parameters).with("training.lora.mode", mode);
    Run first = train(settings.config(), 1);
    // other frozen factors than a fresh start draws
    perturb(first.release);
    MurmurationConfig config =
        settings
            .with("training.start-from", first.release.toString())
            .with("training.start-is-public", "true")
            .with("releases.directory", dir("next"))
            .config();
    Run second = train(config, 2);
    String sentence = ConfiguredReleases.of(config).context().startingPoint();
    assertThat(sentence).contains("Training began at `round-00000001`");

    try (Stream<Path> files = Files.walk(first.release)) {
      files.sorted(Comparator.reverseOrder()).forEach(file -> file.toFile().delete());
    }
    assertThatThrownBy(() -> ConfiguredReleases.of(config))
        .hasMessageContaining("must be a directory");
    StartingPoint gone = ConfiguredReleases.of(config, /* mayHaveState= */ true).start();
    assertThatThrownBy(() -> trainer(config, gone, /* restored= */ null))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("since no state is restored");
    try (ModelRoundTrainer trainer = trainer(config, gone, second.last.outcome().state())) {
      double live =
          evaluator(trainer)
              .evaluate(trainer.parameters(), second.last.outcome().state().parameters())
              .nats();
      assertThat(live).isEqualTo(second.liveNats);
      assertThat(execute(trainer, config, 3).release().startingPoint()).isEqualTo(sentence);
    }
  }

  /** An adapter that somebody changed: no manifest, other factors. */
  private static void perturb(Path release) throws IOException {
    Files.delete(release.resolve("manifest.json"));
    Path weights = release.resolve("adapter_model.safetensors");
    if (!Files.exists(weights)) {
      return;
    }
    byte[] bytes = Files.readAllBytes(weights);
    int header = 8 + ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN).getInt();
    FloatBuffer values =
        ByteBuffer.wrap(bytes, header, bytes.length - header)
            .slice()
            .order(ByteOrder.LITTLE_ENDIAN)
            .asFloatBuffer();
    for (int i = 0; i < values.capacity(); i++) {
      values.put(i, 0.5f * values.get(i) + 0.01f);
    }
    Files.write(weights, bytes);
  }

  @Test
  void aRestoredStateOfAsManyParametersOfOtherTargetsIsRefused() throws IOException {
    Run keys = train(settings().with("training.lora.target-modules", "k_proj").config(), 1);
    MurmurationConfig values =
        settings()
            .with("training.lora.target-modules", "v_proj")
            .with("releases.directory", dir("values"))
            .config();
    TrainerState ofKeys = keys.last.outcome().state();
    try (ModelRoundTrainer trainer = trainer(values)) {
      assertThat(execute(trainer, values, 1).outcome().state().parameters())
          .hasSameSizeAs(ofKeys.parameters());
    }
    assertThatThrownBy(() -> trainer(values, /* start= */ null, ofKeys))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("must be of the tensors that the job trains")
        .hasMessageContaining("training.lora.*");
  }

  @Test
  void whatIsNotChargedToTheDomainMustBeDeclaredPublic() throws IOException {
    Run first = train(settings().config(), 1);
    JobConfigs elsewhere =
        settings()
            .with("privacy.domain", "mail")
            .with("releases.directory", dir("mail"))
            .with("training.start-from", first.release.toString());
    assertRefused(elsewhere, "a release of the domain chat", "training.start-is-public");
    elsewhere.with("training.start-is-public", "true");
    assertThat(startNats(elsewhere.config())).isEqualTo(first.liveNats);
    ConfiguredReleases plan = ConfiguredReleases.of(elsewhere.config());
    assertThat(plan.witness().ledgerHashes()).isEmpty();
    assertThat(plan.context().startingPoint()).contains("which the deployer declared public");

    Files.delete(first.release.resolve("manifest.json"));
    JobConfigs unknown = settings().with("training.start-from", first.release.toString());
    assertRefused(unknown, "has no manifest", "training.start-is-public");
    unknown.with("training.start-is-public", "true");
    assertThat(startNats(unknown.config())).isEqualTo(first.liveNats);
  }

  @Test
  void aStartThatDoesNotFitIsRefused() throws IOException {
    Run first = train(settings().config(), 1);
    String release = first.release.toString();
    JobConfigs start = settings().with("training.start-from", release);
    assertRefused(start.with("training.lora.rank", "4"), "training.lora.rank, 4, and not 2");
    start.with("training.lora.rank", "2");
    assertRefused(start.with("training.lora.alpha", "3"), "training.lora.alpha, 3.0, and not 4.0");
    start.with("training.lora.alpha", "4");
    assertRefused(
        start.with("training.lora.target-modules", "q_proj"),
        "target-modules names, [model.layers.0.self_attn.q_proj, model.layers.1.self_attn.q_proj],"
            + " and not");
    start.with("training.lora.target-modules", "all-linear");
    assertRefused(start.with("training.parameters", "ALL"), "must be a model directory");
    start.with("training.parameters", "LORA");
    Path otherBase = TinyModels.write(directory.resolve("other"), TinyModels.QWEN2, 12);
    assertRefused(
        start.with("training.model", otherBase.toString()), "must be trained on training.model");
    start.with("training.model", base.toString());
    assertRefused(
        settings().with("training.start-from", base.toString()), "must be an adapter where");
    assertRefused(
        settings().with("training.start-from", dir("nowhere")), "must be a directory that holds");

    MurmurationConfig submitted = start.config();
    StartingPoint point = ConfiguredReleases.of(submitted).start();
    Path weights = first.release.resolve("adapter_model.safetensors");
    byte[] bytes = Files.readAllBytes(weights);
    bytes[bytes.length - 1] ^= 1;
    Files.write(weights, bytes);
    assertRefused(start, "must hold adapter_model.safetensors as its manifest describes it");
    assertThatThrownBy(
            () ->
                ModelRoundTrainer.factory(submitted.training(), point, OPTIMIZER)
                    .create(Optional.empty()))
        .hasMessageContaining("as when the job was submitted");
  }

  @Test
  void anotherConfigurationIsNoStartForAllParameters() throws IOException {
    Path otherBase = TinyModels.write(directory.resolve("other"), TinyModels.LLAMA3, 12);
    assertRefused(
        settings()
            .with("training.parameters", "ALL")
            .with("training.start-from", otherBase.toString())
            .with("training.start-is-public", "true"),
        "must have the configuration and the tokenizer of training.model");
  }

  /** The release would be of a model that computes nothing, and so would all that follow. */
  @ParameterizedTest
  @ValueSource(doubles = {1e30, 1e39})
  void aModelThatOverflowsIsFoundInItsRound(double rate) throws IOException {
    MurmurationConfig config = settings().config();
    OptimizerOptions optimizer =
        OptimizerOptions.AdamW.withDefaults(LearningRateSchedule.constant(rate));
    try (RoundTrainer trainer =
        ModelRoundTrainer.factory(config.training(), null, optimizer).create(Optional.empty())) {
      assertThatThrownBy(() -> execute(trainer, config, 1))
          .isInstanceOf(PublicFaultException.class)
          .hasMessageContaining("round 1");
    }
  }

  /** Users whose texts come to no token: all slices fail, and the model works. */
  @Test
  void aCohortInWhichEverySliceFailsIsARoundLikeAnyOther() throws IOException {
    MurmurationConfig config = settings().config();
    try (ModelRoundTrainer trainer = trainer(config)) {
      ExecutedRound executed =
          execute(
              trainer,
              config,
              1,
              List.of(
                  new UserSample(1, 1, 1, "ann", List.of(new Example(null, ""))),
                  new UserSample(1, 1, 1, "bob", List.of(new Example("hi", "")))));
      assertThat(executed.outcome().statistics().slices()).isEqualTo(2);
      assertThat(executed.outcome().statistics().zeroed()).isEqualTo(2);
      assertThat(execute(trainer, config, 2).outcome().statistics().zeroed()).isZero();
    }
  }

  @Test
  void theTensorLibraryUsesTheConfiguredThreads() throws Exception {
    int before = Torch.threads();
    MurmurationConfig config = settings().with("training.threads", "2").config();
    try (ModelRoundTrainer trainer = trainer(config)) {
      Thread worker = new Thread(() -> execute(trainer, config, 1));
      worker.start();
      worker.join();
      assertThat(Torch.threads()).isEqualTo(2);
    } finally {
      Torch.useThreads(before);
    }
  }

  /** What a run left behind. */
  private record Run(Path release, double liveNats, ExecutedRound last) {}

  /**
   * Executes one round under the number, publishes it, and measures the model that is still live.
   */
  private static Run train(MurmurationConfig config, long round) throws IOException {
    try (ModelRoundTrainer trainer = trainer(config)) {
      ExecutedRound executed = execute(trainer, config, round);
      DirectoryModelStore store =
          DirectoryModelStore.open(Path.of(config.io().releasesDirectory()));
      ReleaseFiles files =
          ReleaseFiles.of(ConfiguredReleases.of(config).context(), executed.release());
      store.commit(store.stage(files));
      double live =
          evaluator(trainer)
              .evaluate(trainer.parameters(), executed.outcome().state().parameters())
              .nats();
      return new Run(store.directoryOf(files.name()), live, executed);
    }
  }

  private static ModelRoundTrainer trainer(MurmurationConfig config) {
    return trainer(config, ConfiguredReleases.of(config).start(), /* restored= */ null);
  }

  private static ModelRoundTrainer trainer(
      MurmurationConfig config, StartingPoint start, TrainerState restored) {
    RoundTrainer trainer =
        ModelRoundTrainer.factory(config.training(), start, OPTIMIZER)
            .create(Optional.ofNullable(restored));
    return (ModelRoundTrainer) trainer;
  }

  private static double startNats(MurmurationConfig config) {
    try (ModelRoundTrainer trainer = trainer(config)) {
      return evaluator(trainer)
          .evaluate(trainer.parameters(), trainer.parameters().initialValues())
          .nats();
    }
  }

  private static TextEvaluator evaluator(ModelRoundTrainer trainer) {
    return new TextEvaluator(trainer.parameters().model(), HELD_OUT, 32);
  }

  private static double loss(Path model, Optional<Path> adapter) throws IOException {
    try (AdaptedModel loaded = AdaptedModel.load(model, adapter)) {
      return loaded.evaluate(HELD_OUT, 32).nats();
    }
  }

  private static double loss(Path model) throws IOException {
    try (LanguageModel loaded = LanguageModel.load(model)) {
      return new TextEvaluator(loaded, HELD_OUT, 32).evaluate().nats();
    }
  }

  private void assertRefused(JobConfigs settings, String... parts) {
    MurmurationConfig config = settings.config();
    assertThatThrownBy(() -> ConfiguredReleases.of(config))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageStartingWith("training.start-from")
        .hasMessageContainingAll(parts);
  }

  private JobConfigs settings() {
    return JobConfigs.in(directory)
        .with("training.model", base.toString())
        .with("training.lora.rank", "2")
        .with("training.lora.alpha", "4");
  }

  private String dir(String name) {
    return directory.resolve(name).toString();
  }

  private static String statement(Run run) throws IOException {
    return Files.readString(run.release.resolve(PrivacyStatement.FILE));
  }

  private static List<String> names(Path release) throws IOException {
    try (Stream<Path> files = Files.list(release)) {
      return files.map(file -> file.getFileName().toString()).toList();
    }
  }

  /** Executes a round as workers and trainer do, on the model that is live. */
  private static ExecutedRound execute(RoundTrainer trainer, MurmurationConfig config, long round) {
    return execute(
        trainer,
        config,
        round,
        List.of(
            new UserSample(1, round, round, "ann", List.of(new Example(null, "the flock"))),
            new UserSample(1, round, round, "bob", List.of(new Example("hi", "turns here")))));
  }

  private static ExecutedRound execute(
      RoundTrainer trainer, MurmurationConfig config, long round, List<UserSample> cohort) {
    TrainerState state = trainer.state();
    try (GradientSource source = ModelGradients.factory(config.training()).open()) {
      RoundSums sums = new RoundSums(source.engine(state.origin().frozen()), state.parameters());
      return trainer.execute(sums.of(grant(round), cohort), stepped -> {});
    }
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
            /* noiseMultiplier= */ 1,
            /* clipNorm= */ 1,
            /* expectedUnits= */ 20),
        /* epsilonSpent= */ 0.1 * round,
        /* delta= */ 1e-6,
        "%064x".formatted(round));
  }
}
