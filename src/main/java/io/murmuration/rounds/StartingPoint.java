package io.murmuration.rounds;

import io.murmuration.config.MurmurationConfig;
import io.murmuration.config.TrainingConfig;
import io.murmuration.config.TrainingOptions;
import io.murmuration.config.TrainingOptions.ParametersKind;
import io.murmuration.model.DecoderDescription;
import io.murmuration.model.LoraAdapter;
import io.murmuration.model.LoraConfig;
import io.murmuration.model.ModelDirectory;
import io.murmuration.release.Digests;
import io.murmuration.release.Manifest;
import io.murmuration.release.ModelStores;
import io.murmuration.release.ReleaseManifest;
import io.murmuration.storage.Location;
import io.murmuration.storage.StoredFiles;
import java.io.IOException;
import java.io.Serializable;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;

/**
 * The release or adapter where training begins.
 *
 * <p>The guarantee covers what is trained from here on, so what it begins with must be public or
 * already charged. Two cases are told apart when the job is submitted:
 *
 * <ul>
 *   <li>a release of the same domain: its manifest names the ledger's record of its charge, and the
 *       budget operator refuses a ledger that does not hold that record,
 *   <li>anything else, a release of another domain included: the deployer declares it public.
 * </ul>
 *
 * <p>Links are followed once, at submission, and the trainer checks the digest again: {@code
 * latest} may point elsewhere by the time that a failed job starts anew. Once there is state, the
 * starting point is read no more: it may have been removed since.
 *
 * @param directory resolved: an absolute path, or a URI
 * @param name of the directory
 * @param digest of its weights, see {@link ModelDirectory#weightsDigest}; empty if it does not
 *     exist, which only a job that has state survives
 * @param ledgerHashes what the ledger must hold: the charge of a release of the same domain; none
 *     for what is declared public
 */
public record StartingPoint(String directory, String name, String digest, List<String> ledgerHashes)
    implements Serializable {

  public StartingPoint {
    ledgerHashes = List.copyOf(ledgerHashes);
  }

  /**
   * Checks the configured start against the base model and the domain.
   *
   * @param baseDigest of the base model's weights
   * @param mayHaveState whether the job may be restored, so that its start need not exist any more
   * @return empty if training begins at the base model
   * @throws IllegalArgumentException saying what does not fit
   * @throws IOException if the directory cannot be read
   */
  public static Optional<StartingPoint> of(
      MurmurationConfig config, String baseDigest, boolean mayHaveState) throws IOException {
    TrainingConfig training = config.training();
    if (training.startFrom() == null) {
      return Optional.empty();
    }
    Location given = Location.of(training.startFrom());
    Optional<Location> found = resolved(given);
    if (found.isEmpty()) {
      require(mayHaveState, "must be a directory that holds a release or an adapter", given);
      Location gone = given.isLocal() ? Location.of(given.path().toAbsolutePath()) : given;
      return Optional.of(new StartingPoint(gone.text(), gone.name(), "", List.of()));
    }
    Location resolved = found.get();
    Path directory = ModelStores.directory(resolved);
    requireSameTask(training, directory);
    return Optional.of(
        new StartingPoint(
            resolved.text(),
            resolved.name(),
            ModelDirectory.weightsDigest(directory),
            charges(config, directory, baseDigest)));
  }

  /** Says where links lead; empty if nothing is there. */
  private static Optional<Location> resolved(Location given) throws IOException {
    if (given.isLocal()) {
      return Files.isDirectory(given.path())
          ? Optional.of(Location.of(given.path().toRealPath()))
          : Optional.empty();
    }
    Location resolved = ModelStores.resolved(given);
    return StoredFiles.at(resolved).list("").isEmpty() ? Optional.empty() : Optional.of(resolved);
  }

  /** The directory on this machine. */
  Path local() throws IOException {
    return ModelStores.directory(Location.of(directory));
  }

  private static void requireSameTask(TrainingConfig training, Path directory) throws IOException {
    Path base = BaseModel.directory(training);
    if (training.parameters() == ParametersKind.ALL) {
      require(
          Files.exists(directory.resolve("config.json")),
          "must be a model directory where training.parameters is ALL",
          directory);
      require(
          ModelDirectory.describe(directory).equals(ModelDirectory.describe(base))
              && sameTokenizer(directory, base),
          "must have the configuration and the tokenizer of training.model, " + base + ",",
          directory);
      ModelDirectory.check(directory);
      return;
    }
    require(
        Files.exists(directory.resolve("adapter_config.json")),
        "must be an adapter where training.parameters is LORA",
        directory);
    DecoderDescription model = ModelDirectory.describe(base);
    LoraConfig found = LoraAdapter.read(directory).config(model);
    LoraConfig configured = training.lora();
    require(
        found.rank() == configured.rank(),
        "must have training.lora.rank, " + configured.rank() + ", and not " + found.rank(),
        directory);
    require(
        found.alpha() == configured.alpha(),
        "must have training.lora.alpha, " + configured.alpha() + ", and not " + found.alpha(),
        directory);
    // maps and not names: an adapter may leave out layers
    List<String> expected = configured.modules(model);
    List<String> targets = found.modules(model);
    require(
        targets.equals(expected),
        "must adapt what training.lora.target-modules names, "
            + expected
            + ", and not "
            + targets
            + ",",
        directory);
  }

  private static boolean sameTokenizer(Path one, Path other) throws IOException {
    return Files.mismatch(one.resolve("tokenizer.json"), other.resolve("tokenizer.json")) < 0;
  }

  private static List<String> charges(MurmurationConfig config, Path directory, String baseDigest)
      throws IOException {
    boolean declaredPublic = config.training().startIsPublic();
    String domain = config.privacy().domain();
    Path file = directory.resolve(Manifest.FILE);
    if (!Files.exists(file)) {
      require(
          declaredPublic,
          "has no manifest that says what it is charged to; set %s if it is public,"
              .formatted(TrainingOptions.START_IS_PUBLIC.key()),
          directory);
      return List.of();
    }
    ReleaseManifest manifest = ReleaseManifest.read(Files.readAllBytes(file));
    require(
        manifest.baseModelDigest().equals(baseDigest),
        "must be trained on training.model, whose weights have SHA-256 %s, but was trained on %s with SHA-256 %s:"
            .formatted(baseDigest, manifest.baseModel(), manifest.baseModelDigest()),
        directory);
    Path weights = directory.resolve(manifest.weightsFile());
    require(
        Files.exists(weights) && Digests.ofFile(weights).equals(manifest.weightsDigest()),
        "must hold " + manifest.weightsFile() + " as its manifest describes it",
        directory);
    if (manifest.domain().equals(domain)) {
      return List.of(manifest.ledgerHash());
    }
    require(
        declaredPublic,
        "is a release of the domain %s, which this job's domain, %s, does not charge; set %s if it may be taken for public,"
            .formatted(manifest.domain(), domain, TrainingOptions.START_IS_PUBLIC.key()),
        directory);
    return List.of();
  }

  private static void require(boolean condition, String rule, Object given) {
    if (!condition) {
      throw new IllegalArgumentException(
          "%s %s given %s".formatted(TrainingOptions.START_FROM.key(), rule, given));
    }
  }

  /**
   * Checks that the directory still holds what was submitted.
   *
   * @throws IllegalArgumentException if not
   */
  void requireUnchanged() throws IOException {
    require(
        !digest.isEmpty(),
        "must be a directory that holds a release or an adapter, since no state is restored that"
            + " would make it needless,",
        directory);
    String found = ModelDirectory.weightsDigest(local());
    if (!found.equals(digest)) {
      throw new IllegalArgumentException(
          "%s %s must hold weights with digest %s, as when the job was submitted, but they have %s"
              .formatted(TrainingOptions.START_FROM.key(), directory, digest, found));
    }
  }

  /** Says, for {@code PRIVACY.md}, where training begins without state. */
  public static String sentence(StartingPoint start, TrainingConfig training) {
    if (start != null) {
      return start.sentence();
    }
    return switch (training.parameters()) {
      case LORA -> "Training began at LoRA factors drawn from a public seed.";
      case ALL -> "Training began at the base model.";
    };
  }

  private String sentence() {
    return "Training began at `%s`, SHA-256 `%s`, %s."
        .formatted(
            name,
            digest,
            ledgerHashes.isEmpty()
                ? "which the deployer declared public"
                : "a release of this domain that is already charged");
  }
}
