package io.murmuration.cli;

import io.murmuration.job.MechanismPlan;
import io.murmuration.privacy.budget.AdaptiveClipping;
import io.murmuration.privacy.budget.BudgetTerms;
import io.murmuration.privacy.budget.FileLedger;
import io.murmuration.privacy.budget.Grant;
import io.murmuration.privacy.budget.HaltReason;
import io.murmuration.privacy.budget.LedgerException;
import io.murmuration.privacy.budget.LedgerSession;
import io.murmuration.privacy.budget.ReleaseWitness;
import io.murmuration.privacy.budget.RoundMechanism;
import io.murmuration.privacy.budget.RoundQuery;
import io.murmuration.privacy.budget.Sampler;
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
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.TreeMap;

/** A ledger and releases in a directory as a run leaves them, charged by the true accountant. */
final class PublishedRun {

  static final RoundMechanism MECHANISM = mechanism(/* noiseMultiplier= */ 0.9);

  private static final double DELTA = 1e-6;
  private static final Duration INTERVAL = Duration.ofSeconds(2);

  private final Path root;
  private ReleaseContext context;
  private Optional<byte[]> adapter = Optional.empty();
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

  static PublishedRun in(Path root) {
    return in(root, "chat", "models/tiny");
  }

  static PublishedRun in(Path root, String domain, String baseModel) {
    return new PublishedRun(root, domain, baseModel);
  }

  static RoundMechanism mechanism(double noiseMultiplier) {
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

  /** A name may hold what no file's name can. */
  Path ledger() {
    return root.resolve("ledger").resolve(domain.replaceAll("[^a-z]", "_") + ".ledger");
  }

  /** All releases are the adapter in this directory. */
  PublishedRun adapting(Path directory) throws IOException {
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

  /** SHA-256 of the newest release's weights. */
  String newestDigest() throws IOException {
    ReleaseCatalog catalog = new ReleaseCatalog(DirectoryModelStore.reading(releases()));
    List<String> names = catalog.names();
    return catalog.manifest(names.get(names.size() - 1)).weightsDigest();
  }

  Path releases() {
    return root.resolve("releases");
  }

  /** Charges rounds in a new epoch and publishes all of them but those in {@code lost}. */
  PublishedRun rounds(
      RoundMechanism mechanism, double epsilonBudget, int rounds, HaltReason halt, Long... lost)
      throws IOException, LedgerException, InterruptedException {
    DirectoryModelStore store = DirectoryModelStore.open(releases());
    BudgetTerms terms =
        BudgetTerms.of(domain, epsilonBudget, DELTA, INTERVAL, mechanism).raisingBudget();
    if (tick == 0) {
      // half of δ, so that a second phase finds some
      terms = terms.withShare(new BudgetTerms.PhaseShare(epsilonBudget, DELTA / 2));
    }
    try (LedgerSession session =
        new LedgerSession(
            FileLedger.factory(ledger()),
            terms,
            MechanismPlan::accountant,
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
