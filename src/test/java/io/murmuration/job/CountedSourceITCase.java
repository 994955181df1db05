package io.murmuration.job;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import io.murmuration.config.MurmurationConfig;
import io.murmuration.demo.EmbeddedKafka;
import io.murmuration.event.EventFormat;
import io.murmuration.event.RawRecord;
import io.murmuration.event.WriterSchemas;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.apache.flink.api.connector.source.SourceEvent;
import org.apache.flink.api.connector.source.SourceReader;
import org.apache.flink.api.connector.source.SourceReaderContext;
import org.apache.flink.configuration.Configuration;
import org.apache.flink.connector.kafka.source.split.KafkaPartitionSplit;
import org.apache.flink.metrics.groups.SourceReaderMetricGroup;
import org.apache.flink.metrics.groups.UnregisteredMetricsGroup;
import org.apache.flink.runtime.execution.SuppressRestartsException;
import org.apache.flink.util.SimpleUserCodeClassLoader;
import org.apache.flink.util.UserCodeClassLoader;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.OffsetSpec;
import org.apache.kafka.clients.admin.RecordsToDelete;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.serialization.ByteArraySerializer;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** The source of those who are counted, at a broker: retention takes what was read, and no more. */
@Timeout(900)
class CountedSourceITCase {

  private static final String TOPIC = "counted";
  private static final TopicPartition PARTITION = new TopicPartition(TOPIC, 0);

  @TempDir private Path directory;

  @Test
  void aTailThatHoldsNoRecord_mayBeRemoved_andOneThatDoesMayNot() throws Exception {
    try (EmbeddedKafka kafka =
        EmbeddedKafka.start(directory.resolve("kafka"), EmbeddedKafka.ANY_PORT)) {
      kafka.createTopic(TOPIC, 1, Map.of());
      MurmurationConfig config =
          JobConfigs.in(directory)
              .with("kafka.bootstrap-servers", kafka.bootstrapServers())
              .with("kafka.topics.interactions", TOPIC)
              .config();
      // 0: said, 1: marker; 2: taken back, 3: marker
      transaction(kafka, "one", /* commit= */ true);
      transaction(kafka, "two", /* commit= */ false);
      KafkaPartitionSplit state = readTo(config, new KafkaPartitionSplit(PARTITION, 0), 4);
      removeAll(kafka);
      transaction(kafka, "three", /* commit= */ true);
      KafkaPartitionSplit later = readTo(config, state, 6);
      assertThat(later.getStartingOffset()).isEqualTo(6);
      transaction(kafka, "four", /* commit= */ true);
      removeAll(kafka);
      assertThatThrownBy(() -> readTo(config, later, 9))
          .isInstanceOf(SuppressRestartsException.class)
          .hasStackTraceContaining("are gone before they were read");
    }
  }

  private static void transaction(EmbeddedKafka kafka, String said, boolean commit)
      throws Exception {
    try (KafkaProducer<byte[], byte[]> producer =
        new KafkaProducer<>(
            Map.of("bootstrap.servers", kafka.bootstrapServers(), "transactional.id", said),
            new ByteArraySerializer(),
            new ByteArraySerializer())) {
      producer.initTransactions();
      producer.beginTransaction();
      producer.send(new ProducerRecord<>(TOPIC, new byte[0], new byte[0])).get();
      if (commit) {
        producer.commitTransaction();
      } else {
        producer.abortTransaction();
      }
    }
  }

  private static void removeAll(EmbeddedKafka kafka) throws Exception {
    try (Admin admin = Admin.create(Map.of("bootstrap.servers", kafka.bootstrapServers()))) {
      long end =
          admin
              .listOffsets(Map.of(PARTITION, OffsetSpec.latest()))
              .partitionResult(PARTITION)
              .get()
              .offset();
      admin.deleteRecords(Map.of(PARTITION, RecordsToDelete.beforeOffset(end))).all().get();
    }
  }

  /** Reads on from a state until a state lies there. */
  private static KafkaPartitionSplit readTo(
      MurmurationConfig config, KafkaPartitionSplit state, long position) throws Exception {
    GatedSource source =
        MurmurationJob.interactions(
            config.io(), EventFormat.avro(WriterSchemas.builtIn()), /* isCounted= */ true);
    try (SourceReader<RawRecord, KafkaPartitionSplit> reader =
        source.createReader(new OneReader())) {
      reader.addSplits(List.of(state));
      reader.start();
      List<KafkaPartitionSplit> reached = new ArrayList<>();
      CollectedRecords nowhere = new CollectedRecords();
      await()
          .atMost(Duration.ofSeconds(60))
          .until(
              () -> {
                reader.pollNext(nowhere);
                reached.clear();
                reached.addAll(reader.snapshotState(1));
                return reached.get(0).getStartingOffset() >= position;
              });
      return reached.get(0);
    }
  }

  private static final class OneReader implements SourceReaderContext {

    @Override
    public SourceReaderMetricGroup metricGroup() {
      return UnregisteredMetricsGroup.createSourceReaderMetricGroup();
    }

    @Override
    public Configuration getConfiguration() {
      return new Configuration();
    }

    @Override
    public String getLocalHostName() {
      return "localhost";
    }

    @Override
    public int getIndexOfSubtask() {
      return 0;
    }

    @Override
    public void sendSplitRequest() {}

    @Override
    public void sendSourceEventToCoordinator(SourceEvent event) {}

    @Override
    public UserCodeClassLoader getUserCodeClassLoader() {
      return SimpleUserCodeClassLoader.create(getClass().getClassLoader());
    }
  }
}
