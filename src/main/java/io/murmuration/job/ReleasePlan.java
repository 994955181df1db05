package io.murmuration.job;

import io.murmuration.config.IoConfig;
import io.murmuration.config.MurmurationConfig;
import io.murmuration.config.TrainingConfig;
import io.murmuration.model.DecoderDescription;
import io.murmuration.model.LoraConfig;
import io.murmuration.model.ModelDirectory;
import io.murmuration.privacy.budget.ReleaseWitness;
import io.murmuration.release.Announcement;
import io.murmuration.release.AnnouncementKafkaSerializer;
import io.murmuration.release.DirectoryModelStore;
import io.murmuration.release.ModelStore;
import io.murmuration.release.PeftAdapter;
import io.murmuration.release.PublishSink;
import io.murmuration.release.ReleaseContext;
import io.murmuration.release.ReleaseManifest;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.apache.flink.connector.base.DeliveryGuarantee;
import org.apache.flink.connector.kafka.sink.KafkaSink;

/**
 * Where releases go and what they have in common.
 *
 * @param sink publishes them
 * @param witness what published releases say about the ledger
 */
record ReleasePlan(PublishSink sink, ReleaseWitness witness) {

  /**
   * From the configuration and the base model's directory, which must be readable where the job is
   * submitted too.
   *
   * @throws UncheckedIOException if the base model cannot be read
   */
  static ReleasePlan of(MurmurationConfig config) {
    IoConfig io = config.io();
    String root = io.releasesDirectory();
    String domain = config.privacy().domain();
    ModelStore.Provider store = () -> DirectoryModelStore.open(Path.of(root));
    return new ReleasePlan(
        new PublishSink(
            store,
            context(config),
            KafkaSink.<Announcement>builder()
                .setKafkaProducerConfig(io.clientProperties())
                .setRecordSerializer(new AnnouncementKafkaSerializer(io.topics().releases()))
                .setDeliveryGuarantee(DeliveryGuarantee.AT_LEAST_ONCE)
                .build()),
        () -> ledgerHashes(store.open(), domain));
  }

  private static ReleaseContext context(MurmurationConfig config) {
    TrainingConfig training = config.training();
    Path directory = Path.of(training.model());
    try {
      DecoderDescription decoder = ModelDirectory.describe(directory);
      LoraConfig lora = LoraRoundTrainer.loraConfig(training);
      String name = directory.getFileName().toString();
      PeftAdapter adapter =
          new PeftAdapter(
              lora.rank(),
              lora.alpha(),
              lora.targetModules(decoder),
              name,
              lora.fanInFanOut(decoder));
      return new ReleaseContext(
          config.privacy().domain(),
          config.io().runId(),
          name,
          ModelDirectory.weightsDigest(directory),
          adapter.config());
    } catch (IOException e) {
      throw new UncheckedIOException(
          "The base model %s (training.model) cannot be read: %s"
              .formatted(directory, e.getMessage()),
          e);
    }
  }

  /**
   * The hash that the newest release of the domain names. The ledger's records are a chain, so the
   * newest vouches for all before it.
   */
  private static List<String> ledgerHashes(ModelStore store, String domain) throws IOException {
    List<String> names = store.published();
    List<String> hashes = new ArrayList<>();
    for (int i = names.size() - 1; i >= 0 && hashes.isEmpty(); i--) {
      ReleaseManifest manifest =
          ReleaseManifest.read(store.read(names.get(i)).get(ReleaseManifest.FILE));
      if (manifest.domain().equals(domain)) {
        hashes.add(manifest.ledgerHash());
      }
    }
    return hashes;
  }
}
