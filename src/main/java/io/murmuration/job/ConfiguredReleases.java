package io.murmuration.job;

import io.murmuration.config.IoConfig;
import io.murmuration.config.MurmurationConfig;
import io.murmuration.config.TrainingConfig;
import io.murmuration.config.TrainingOptions;
import io.murmuration.config.TrainingOptions.ParametersKind;
import io.murmuration.model.DecoderDescription;
import io.murmuration.model.LoraConfig;
import io.murmuration.model.ModelDirectory;
import io.murmuration.model.TensorSpec;
import io.murmuration.privacy.budget.ReleaseWitness;
import io.murmuration.release.Announcement;
import io.murmuration.release.AnnouncementKafkaSerializer;
import io.murmuration.release.Manifest;
import io.murmuration.release.ModelStore;
import io.murmuration.release.ModelStores;
import io.murmuration.release.PeftAdapter;
import io.murmuration.release.PublishSink;
import io.murmuration.release.ReleaseCatalog;
import io.murmuration.release.ReleaseContext;
import io.murmuration.release.ReleaseFormat;
import io.murmuration.rounds.BaseModel;
import io.murmuration.rounds.CalibrationRounds;
import io.murmuration.rounds.StartingPoint;
import io.murmuration.storage.Location;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.apache.flink.connector.base.DeliveryGuarantee;
import org.apache.flink.connector.kafka.sink.KafkaSink;

/**
 * Says where releases go and what they have in common.
 *
 * @param sink publishes them
 * @param context what all releases have in common
 * @param witness what published releases, and the release where training begins, say about the
 *     ledger
 * @param start where training begins; null: at fresh factors, or at the base model
 */
record ConfiguredReleases(
    PublishSink sink, ReleaseContext context, ReleaseWitness witness, StartingPoint start) {

  /**
   * The releases of a job that begins without state.
   *
   * @see #of(MurmurationConfig, boolean)
   */
  static ConfiguredReleases of(MurmurationConfig config) {
    return of(config, /* mayHaveState= */ false);
  }

  /**
   * Reads the configuration and the base model's directory, which must be readable where the job is
   * submitted too.
   *
   * @param mayHaveState whether the job may be restored, so that the release where it once began
   *     need not exist any more
   * @throws UncheckedIOException if the base model or the starting point cannot be read
   * @throws IllegalArgumentException if they do not fit what is to be trained
   */
  static ConfiguredReleases of(MurmurationConfig config, boolean mayHaveState) {
    IoConfig io = config.io();
    String domain = config.privacy().domain();
    ModelStore.Provider store = ModelStores.at(Location.of(io.releasesDirectory()));
    String baseDigest =
        read(
            config,
            base -> {
              ModelDirectory.check(base);
              return ModelDirectory.weightsDigest(base);
            });
    Optional<StartingPoint> start =
        read(config, base -> StartingPoint.of(config, baseDigest, mayHaveState));
    ReleaseContext context =
        read(config, base -> context(config, base, baseDigest, start.orElse(null)));
    List<String> startCharges = start.map(StartingPoint::ledgerHashes).orElse(List.of());
    PublishSink sink =
        new PublishSink(
                store,
                context,
                KafkaSink.<Announcement>builder()
                    .setKafkaProducerConfig(io.clientProperties("releases"))
                    .setRecordSerializer(new AnnouncementKafkaSerializer(io.topics().releases()))
                    .setDeliveryGuarantee(DeliveryGuarantee.AT_LEAST_ONCE)
                    .build())
            .onSchedule();
    return new ConfiguredReleases(
        io.acceptOtherStore() ? sink.acceptingOtherStore() : sink,
        context,
        io.acceptLostCharges()
            ? new LostCharges(startCharges)
            : new StoreWitness(store, domain, startCharges),
        start.orElse(null));
  }

  private record StoreWitness(ModelStore.Provider store, String domain, List<String> startingPoint)
      implements ReleaseWitness {

    @Override
    public List<String> ledgerHashes() throws IOException {
      return ConfiguredReleases.ledgerHashes(store.open(), domain, startingPoint);
    }
  }

  /** A witness of nothing but where training begins; a person knows that the rest is lost. */
  private record LostCharges(List<String> startingPoint) implements ReleaseWitness {

    @Override
    public List<String> ledgerHashes() {
      return startingPoint;
    }
  }

  /** Something that is read from the base model's directory. */
  private interface Reading<T> {
    T of(Path base) throws IOException;
  }

  private static <T> T read(MurmurationConfig config, Reading<T> reading) {
    try {
      return reading.of(BaseModel.directory(config.training()));
    } catch (IOException e) {
      throw new UncheckedIOException(
          "The base model %s (training.model)%s cannot be read: %s"
              .formatted(
                  config.training().model(),
                  config.training().startFrom() == null
                      ? ""
                      : " or %s (training.start-from)".formatted(config.training().startFrom()),
                  e.getMessage()),
          e);
    }
  }

  private static ReleaseContext context(
      MurmurationConfig config, Path base, String baseDigest, StartingPoint start)
      throws IOException {
    return new ReleaseContext(
        config.privacy().domain(),
        config.io().runId(),
        base.getFileName().toString(),
        baseDigest,
        StartingPoint.sentence(start, config.training()),
        format(config.training(), base),
        config.calibration() == null
            ? ""
            : CalibrationRounds.budgetInWords(ConfiguredPhases.terms(config)));
  }

  private static ReleaseFormat format(TrainingConfig training, Path base) throws IOException {
    DecoderDescription decoder = ModelDirectory.describe(base);
    if (training.parameters() == ParametersKind.ALL) {
      long parameters = decoder.tensors().stream().mapToLong(TensorSpec::size).sum();
      if (parameters > ReleaseFormat.MAX_PARAMETERS) {
        throw new IllegalArgumentException(
            "%s ALL releases at most %d parameters, but %s has %d; train LORA on it"
                .formatted(
                    TrainingOptions.PARAMETERS.key(),
                    ReleaseFormat.MAX_PARAMETERS,
                    base,
                    parameters));
      }
      return ReleaseFormat.model(ModelDirectory.companions(base));
    }
    LoraConfig lora = training.lora();
    return ReleaseFormat.adapter(
        new PeftAdapter(
            lora.rank(),
            lora.alpha(),
            lora.targetModules(decoder),
            base.getFileName().toString(),
            lora.fanInFanOut(decoder)));
  }

  /**
   * The hash that the newest release of the domain names. The ledger's records are a chain, so the
   * newest vouches for all before it. With it, what the starting point names.
   */
  private static List<String> ledgerHashes(
      ModelStore store, String domain, List<String> startCharges) throws IOException {
    ReleaseCatalog catalog = new ReleaseCatalog(store);
    List<String> names = catalog.names();
    List<String> hashes = new ArrayList<>(startCharges);
    for (int i = names.size() - 1; i >= 0 && hashes.size() == startCharges.size(); i--) {
      Manifest manifest = catalog.anyManifest(names.get(i));
      if (manifest.domain().equals(domain)) {
        hashes.add(manifest.ledgerHash());
      }
    }
    List<String> calibrations = store.calibrations();
    if (!calibrations.isEmpty()) {
      String newest = calibrations.get(calibrations.size() - 1);
      Manifest manifest = catalog.anyManifest(newest);
      if (manifest.domain().equals(domain)) {
        hashes.add(manifest.ledgerHash());
      }
    }
    return hashes;
  }
}
