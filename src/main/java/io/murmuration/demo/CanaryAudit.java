package io.murmuration.demo;

import io.murmuration.model.LanguageModel;
import io.murmuration.model.LoraAdapter;
import io.murmuration.model.LoraConfig;
import io.murmuration.model.LoraParameters;
import io.murmuration.model.TextEvaluator;
import io.murmuration.privacy.accounting.Composition;
import io.murmuration.privacy.accounting.Mechanism;
import io.murmuration.privacy.accounting.NoiseCalibration;
import io.murmuration.privacy.accounting.PldAccountant;
import io.murmuration.privacy.audit.CanaryScores;
import io.murmuration.privacy.audit.OneRunVerdict;
import io.murmuration.privacy.audit.PrivacyProfile;
import io.murmuration.release.DirectoryModelStore;
import io.murmuration.release.Manifest;
import io.murmuration.release.ReleaseCatalog;
import io.murmuration.release.ReleaseManifest;
import io.murmuration.terminal.Progress;
import java.io.IOException;
import java.io.PrintWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Optional;

/**
 * Audits a setting from outside: canary users in a stream of its own, a whole run with its own
 * domain and ledger, and then nothing but its releases, as anybody would see them.
 *
 * <p>It can be interrupted at any time and asked again: canaries and coins are kept before the run,
 * the run is not repeated once it has ended, and scores are kept one by one. A run that was cut off
 * goes on from its newest visible release, with what is left of the budget and a fresh optimizer.
 */
public final class CanaryAudit {

  private static final String CANARIES = "canaries.json";
  private static final String TRAINED = "trained";
  private static final String LOSSES = "losses.txt";

  /** Points of the accountant's profile up to the claim. */
  private static final int PROFILE_POINTS = 16;

  private final DemoSettings settings;
  private final int canaries;
  private final PrintWriter out;
  private final boolean terminal;

  /**
   * What came of it.
   *
   * @param verdict about the newest release's claim
   * @param scores of the canaries, see {@link CanaryLosses#scores}, and their coins
   * @param manifest of the newest release
   */
  public record Outcome(OneRunVerdict verdict, CanaryScores scores, ReleaseManifest manifest) {}

  /**
   * An audit.
   *
   * @param settings the run's; its domain and ledger must be the audit's own
   * @param canaries how many users toss a coin
   * @param out where progress goes
   * @param terminal whether {@code out} understands a carriage return
   */
  public CanaryAudit(DemoSettings settings, int canaries, PrintWriter out, boolean terminal) {
    this.settings = settings;
    this.canaries = canaries;
    this.out = out;
    this.terminal = terminal;
  }

  /** Runs what has not been run, measures what has not been measured, and judges. */
  public Outcome run() throws Exception {
    Files.createDirectories(settings.out());
    AuditCanaries planted = AuditCanaries.in(settings.out().resolve(CANARIES), inWords(), canaries);
    Path trained = settings.out().resolve(TRAINED);
    if (!Files.exists(trained)) {
      requireJudgeable();
      train(planted);
      Files.createFile(trained);
    }
    Path newest =
        newestRelease()
            .orElseThrow(
                () ->
                    new IllegalStateException(
                        "an audit needs a release but %s holds none; the ledger in %s may have had no budget left"
                            .formatted(settings.out(), settings.ledger())));
    ReleaseManifest manifest =
        ReleaseManifest.read(Files.readAllBytes(newest.resolve(Manifest.FILE)));
    CanaryScores scores = new CanaryScores(losses(planted, newest).scores(), planted.coins());
    return new Outcome(judge(manifest, scores), scores, manifest);
  }

  /** What the verdict needs of the accountant in the end, before hours of training. */
  private void requireJudgeable() {
    Mechanism any = Mechanism.uls(settings.samplingProbability(), /* noiseMultiplier= */ 1);
    try {
      double noise =
          new NoiseCalibration(new PldAccountant())
              .noiseMultiplier(any, settings.rounds(), settings.epsilon(), settings.delta());
      profile(
          Composition.of(any.withNoiseMultiplier(noise), settings.rounds()), settings.epsilon());
    } catch (IllegalArgumentException e) {
      throw new IllegalArgumentException(
          "an audit needs the privacy profile of its claim, and for epsilon %s at a sampling probability of %s it cannot be computed: lower --epsilon, or raise --sampling-probability (%s)"
              .formatted(settings.epsilon(), settings.samplingProbability(), e.getMessage()),
          e);
    }
  }

  private static PrivacyProfile profile(Composition charged, double epsilon) {
    return PrivacyProfile.of(charged, epsilon / PROFILE_POINTS);
  }

  private void train(AuditCanaries planted) throws Exception {
    try (LanguageModel model = LanguageModel.load(baseModel())) {
      planted.requireDistinct(model.tokenizer(), settings.maxTokens());
    }
    Optional<Path> startFrom = newestRelease();
    startFrom.ifPresent(release -> out.println("Resumes   " + release));
    new DemoRun(settings, planted.interactions(), startFrom, out, terminal).run();
  }

  private Optional<Path> newestRelease() throws IOException {
    if (!Files.isDirectory(settings.releases())) {
      return Optional.empty();
    }
    DirectoryModelStore store = DirectoryModelStore.reading(settings.releases());
    List<String> names = new ReleaseCatalog(store).names();
    return names.isEmpty()
        ? Optional.empty()
        : Optional.of(store.directoryOf(names.get(names.size() - 1)));
  }

  /** The claim is the manifest's, and its profile that of so many rounds of its mechanism. */
  private static OneRunVerdict judge(ReleaseManifest manifest, CanaryScores scores) {
    Composition charged = Composition.of(manifest.mechanism().accounted(), manifest.round());
    PrivacyProfile profile = profile(charged, manifest.epsilonSpent());
    return OneRunVerdict.of(scores, manifest.epsilonSpent(), manifest.delta(), profile);
  }

  private CanaryLosses losses(AuditCanaries planted, Path release) throws IOException {
    out.println("Measuring how likely each canary's sequence is ...");
    List<String> texts = planted.canaries().stream().map(AuditCanaries.Canary::text).toList();
    try (LanguageModel model = LanguageModel.load(baseModel());
        LoraParameters adapted =
            LoraParameters.from(model, LoraAdapter.read(release), LoraConfig.Mode.BOTH);
        Progress progress = Progress.of("Canaries", texts.size(), out, terminal)) {
      float[] values = adapted.initialValues();
      return CanaryLosses.measure(
          settings.out().resolve(LOSSES),
          texts,
          text -> evaluator(model, text).evaluate().nllPerToken(),
          text -> evaluator(model, text).evaluate(adapted, values).nllPerToken(),
          progress::stepTo);
    }
  }

  private TextEvaluator evaluator(LanguageModel model, String text) {
    return new TextEvaluator(model, List.of(text), settings.maxTokens());
  }

  private Path baseModel() throws IOException {
    return settings.model() != null
        ? settings.model()
        : DemoModel.unpack(settings.out().resolve("base-model"));
  }

  /** All that decides what the run is; where it reports does not. */
  private String inWords() {
    return "canaries %d, events %s, model %s, epsilon %s, delta %s, rounds %d, cohort %s, q %s, G %d, C %s, rate %s, rank %d, tokens %d, held out %d, interval %s"
        .formatted(
            canaries,
            settings.events(),
            settings.model(),
            settings.epsilon(),
            settings.delta(),
            settings.rounds(),
            settings.expectedCohort(),
            settings.samplingProbability(),
            settings.groupSize(),
            settings.clipNorm(),
            settings.learningRate(),
            settings.loraRank(),
            settings.maxTokens(),
            settings.heldOutUsers(),
            settings.roundInterval().map(Duration::toString).orElse("measured"));
  }
}
