package io.murmuration.cli;

import io.murmuration.calibration.CalibrationChoice;
import io.murmuration.calibration.CalibrationSchedule;
import io.murmuration.calibration.CalibrationTerms;
import io.murmuration.job.ConfiguredMechanism;
import io.murmuration.model.AdapterFixture;
import io.murmuration.model.ModelDirectory;
import io.murmuration.model.TinyModels;
import io.murmuration.privacy.accounting.PrivacyLoss;
import io.murmuration.privacy.budget.BudgetTerms;
import io.murmuration.privacy.budget.HorizonTerms;
import io.murmuration.privacy.budget.LedgerSession;
import io.murmuration.privacy.budget.ReleaseWitness;
import io.murmuration.privacy.ledger.FileLedger;
import io.murmuration.privacy.ledger.HaltReason;
import io.murmuration.privacy.ledger.LedgerException;
import io.murmuration.privacy.mechanism.AdaptiveClipping;
import io.murmuration.privacy.mechanism.CorrelatedNoise;
import io.murmuration.privacy.mechanism.Grant;
import io.murmuration.privacy.mechanism.RoundExecuted;
import io.murmuration.privacy.mechanism.RoundMechanism;
import io.murmuration.privacy.mechanism.RoundQuery;
import io.murmuration.privacy.mechanism.Sampler;
import io.murmuration.release.CalibrationOutcome;
import io.murmuration.release.DirectoryModelStore;
import io.murmuration.release.NamedTensor;
import io.murmuration.release.PeftAdapter;
import io.murmuration.release.ReleaseCatalog;
import io.murmuration.release.ReleaseContext;
import io.murmuration.release.ReleaseFiles;
import io.murmuration.release.ReleaseFormat;
import io.murmuration.release.RoundRelease;
import io.murmuration.release.SafetensorsWriter;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.TreeMap;

/** A ledger and releases in a directory as a run leaves them, charged by the true accountant. */
public final class PublishedRun {

  public static final RoundMechanism MECHANISM = mechanism(/* noiseMultiplier= */ 0.9);

  private static final RoundQuery.NormHistograms NORMS =
      new RoundQuery.NormHistograms(
          List.of(1, 4), /* smallestNorm= */ 0.01, /* ratio= */ 2, /* bins= */ 18);

  private static final double DELTA = 1e-6;
  private static final Duration INTERVAL = Duration.ofSeconds(2);

  private final Path root;
  private ReleaseContext context;
  private Optional<byte[]> adapter = Optional.empty();
  private Optional<Path> base = Optional.empty();
  private final String domain;
  private long tick;

  private PublishedRun(Path root, String domain, String baseModel) {
    this.root = root;
    this.domain = domain;
    this.context =
        new ReleaseContext(
            domain,
            "run-1",
            baseModel,
            "ab".repeat(32),
            "Training began at LoRA factors drawn from a public seed.",
            ReleaseFormat.adapter(new PeftAdapter(8, 16, List.of("q_proj"), baseModel, false)));
  }

  public static PublishedRun in(Path root) {
    return in(root, "chat", "models/tiny");
  }

  public static PublishedRun in(Path root, String domain, String baseModel) {
    return new PublishedRun(root, domain, baseModel);
  }

  /** Adapters of a tiny model that can be loaded, one a round. */
  public static PublishedRun ofTinyModel(Path directory, int rounds) throws Exception {
    Path adapter =
        AdapterFixture.adapter(
            directory.resolve("adapter"), "model.layers.0.self_attn.q_proj", 16, 16);
    return in(directory.resolve("run"))
        .adapting(adapter)
        .on(TinyModels.write(directory.resolve("base"), TinyModels.QWEN2, 2))
        .rounds(MECHANISM, /* epsilon= */ 8, rounds, /* halt= */ null);
  }

  public static RoundMechanism mechanism(double noiseMultiplier) {
    return new RoundMechanism(
        Sampler.ULS,
        /* samplingProbability= */ 0.0625,
        /* groupSize= */ 2,
        noiseMultiplier,
        /* clipNorm= */ 1,
        /* expectedUnits= */ 1024);
  }

  /** {@link #MECHANISM} with a clip norm that every charge moves. */
  static RoundMechanism adaptive() {
    return new RoundMechanism(
        MECHANISM.sampler(),
        MECHANISM.samplingProbability(),
        MECHANISM.groupSize(),
        MECHANISM.noiseMultiplier(),
        MECHANISM.clipNorm(),
        MECHANISM.expectedUnits(),
        new RoundQuery.ModelUpdate(
            new AdaptiveClipping(/* quantile= */ 0.5, /* rate= */ 0.2, /* bitNoise= */ 50)));
  }

  /** {@link #MECHANISM} with noise that is correlated over as many rounds as there are numbers. */
  static RoundMechanism correlated(Integer... numerators) {
    return MECHANISM.withCorrelatedNoise(
        new CorrelatedNoise(List.of(numerators), "0123456789abcdef"));
  }

  /** A name may hold what no file's name can. */
  public Path ledger() {
    return root.resolve("ledger").resolve(domain.replaceAll("[^a-z]", "_") + ".ledger");
  }

  /** All releases are the adapter in this directory. */
  public PublishedRun adapting(Path directory) throws IOException {
    adapter = Optional.of(Files.readAllBytes(directory.resolve(PeftAdapter.WEIGHTS_FILE)));
    byte[] config = Files.readAllBytes(directory.resolve(PeftAdapter.CONFIG_FILE));
    context =
        new ReleaseContext(
            context.domain(),
            context.runId(),
            context.baseModel(),
            context.baseModelDigest(),
            context.startingPoint(),
            new ReleaseFormat(
                PeftAdapter.WEIGHTS_FILE, new TreeMap<>(Map.of(PeftAdapter.CONFIG_FILE, config))));
    return this;
  }

  /** Releases name the weights in this directory as those of their base model. */
  public PublishedRun on(Path model) throws IOException {
    base = Optional.of(model);
    context =
        new ReleaseContext(
            context.domain(),
            context.runId(),
            context.baseModel(),
            ModelDirectory.weightsDigest(model),
            context.startingPoint(),
            context.format());
    return this;
  }

  /** The directory of the model that the adapters are {@link #on}. */
  public Path base() {
    return base.orElseThrow();
  }

  /** SHA-256 of the newest release's weights. */
  String newestDigest() throws IOException {
    ReleaseCatalog catalog = new ReleaseCatalog(DirectoryModelStore.reading(releases()));
    List<String> names = catalog.names();
    return catalog.manifest(names.get(names.size() - 1)).weightsDigest();
  }

  public Path releases() {
    return root.resolve("releases");
  }

  /** Charges rounds in a new epoch and publishes all of them but those in {@code lost}. */
  public PublishedRun rounds(
      RoundMechanism mechanism, double epsilonBudget, int rounds, HaltReason halt, Long... lost)
      throws IOException, LedgerException, InterruptedException {
    DirectoryModelStore store = DirectoryModelStore.open(releases());
    BudgetTerms terms =
        BudgetTerms.of(domain, epsilonBudget, DELTA, INTERVAL, mechanism).raisingBudget();
    if (tick == 0) {
      // half of δ, so that a second phase finds some
      terms = terms.withShare(PrivacyLoss.budget("phase", epsilonBudget, DELTA / 2));
    }
    try (LedgerSession session =
        new LedgerSession(
            FileLedger.factory(ledger()),
            terms,
            ConfiguredMechanism::accountant,
            ReleaseWitness.NONE,
            "job-" + tick,
            Optional.empty())) {
      session.open(/* nowMillis= */ 1_700_000_000_000L);
      for (int i = 0; i < rounds; i++) {
        tick += 2;
        // what an earlier round chose; looked at only where clipping is adaptive
        Grant grant = session.charge(tick, OptionalDouble.of(1 + i / 8.0));
        if (!List.of(lost).contains(grant.round())) {
          store.commit(store.stage(ReleaseFiles.of(context, release(grant))));
        }
      }
      if (halt != null) {
        session.halt(halt);
      }
    }
    return this;
  }

  /** Charges and publishes rounds of a generation of lifetimes, of two that are reserved. */
  PublishedRun lifetimes(RoundMechanism mechanism, double epsilonBudget, int generation, int rounds)
      throws IOException, LedgerException, InterruptedException {
    DirectoryModelStore store = DirectoryModelStore.open(releases());
    try (LedgerSession session =
        new LedgerSession(
            FileLedger.factory(ledger()),
            BudgetTerms.of(domain, epsilonBudget, DELTA, INTERVAL, mechanism)
                .withHorizon(
                    new HorizonTerms(
                        /* generations= */ 2, generation, new TreeMap<>(Map.of("id-key", "00ff")))),
            ConfiguredMechanism::accountant,
            ReleaseWitness.NONE,
            "job-" + tick,
            Optional.empty())) {
      session.open(/* nowMillis= */ 1_700_000_000_000L);
      for (int i = 0; i < rounds; i++) {
        tick += 2;
        store.commit(store.stage(ReleaseFiles.of(context, release(session.charge(tick)))));
      }
    }
    return this;
  }

  /** Measures norms, publishes and records what was found, and trains with what follows. */
  PublishedRun calibrated(int rounds) throws IOException, LedgerException, InterruptedException {
    CalibrationTerms terms =
        new CalibrationTerms(
            Sampler.ULS,
            PrivacyLoss.budget("phase", 5, DELTA),
            /* calibrationShare= */ 0.1,
            /* attempts= */ 1,
            /* population= */ 10_000,
            /* compute= */ 1_024,
            /* rounds= */ 20,
            /* windowTicks= */ 10,
            /* windows= */ 3,
            /* warmUpWindows= */ 1,
            CalibrationTerms.Recalibration.NEVER,
            /* counts= */ null,
            NORMS,
            /* normSampling= */ 0.1,
            /* normQuantile= */ 0.5,
            /* clipNorm= */ 1,
            /* adaptive= */ null);
    CalibrationSchedule phases = new CalibrationSchedule(terms);
    DirectoryModelStore store = DirectoryModelStore.open(releases());
    try (LedgerSession session =
        new LedgerSession(
            FileLedger.factory(ledger()),
            new BudgetTerms(domain, 5, DELTA, INTERVAL, phases, /* raiseBudget= */ false),
            ConfiguredMechanism::accountant,
            ReleaseWitness.NONE,
            "job-" + tick,
            Optional.empty())) {
      session.open(/* nowMillis= */ 1_700_000_000_000L);
      tick += 2;
      Grant measurement = session.charge(tick);
      List<Double> noised = noised();
      byte[] outcome = outcome(terms, phases, noised).write();
      store.commit(store.stage(ReleaseFiles.of(context, new RoundRelease(measurement, outcome))));
      tick++;
      session.conclude(new RoundExecuted(measurement.epoch(), measurement.round(), noised), tick);
      for (int i = 0; i < rounds; i++) {
        tick += 2;
        store.commit(store.stage(ReleaseFiles.of(context, release(session.charge(tick)))));
      }
    }
    return this;
  }

  /** A thousand users, whose norms halve from one example to four. */
  private static List<Double> noised() {
    List<Double> noised = new ArrayList<>(Collections.nCopies(NORMS.answerSize(), -0.25));
    noised.set(8, 1_000.5);
    noised.set(NORMS.bins() + 7, 999.5);
    return noised;
  }

  private static CalibrationOutcome outcome(
      CalibrationTerms terms, CalibrationSchedule phases, List<Double> noised) {
    List<Double> centres = new ArrayList<>();
    for (int bin = 0; bin < NORMS.bins(); bin++) {
      centres.add(NORMS.smallestNorm() * Math.pow(NORMS.ratio(), bin));
    }
    return new CalibrationOutcome(
        "norms",
        centres,
        NORMS.groupSizes(),
        List.of(noised.subList(0, NORMS.bins()), noised.subList(NORMS.bins(), noised.size())),
        /* noiseDeviation= */ 1,
        /* medianCount= */ null,
        CalibrationChoice.norms(NORMS, noised, terms.normQuantile()),
        phases.training(Map.of(NORMS, noised)),
        /* budget= */ null,
        new CalibrationOutcome.JointBudget(
            terms.budget().epsilon(),
            terms.budget().delta(),
            /* measurements= */ 1,
            terms.retries(),
            /* trainingPhases= */ 1,
            terms.trainingRounds(),
            phases.trainingOptions()));
  }

  private RoundRelease release(Grant grant) {
    return new RoundRelease(
        grant,
        adapter.orElseGet(
            () ->
                SafetensorsWriter.write(
                    Map.of("format", "pt"),
                    List.of(new NamedTensor("w", List.of(1L), new float[] {grant.round()})))));
  }
}
