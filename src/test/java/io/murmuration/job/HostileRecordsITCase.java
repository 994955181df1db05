package io.murmuration.job;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import io.murmuration.config.MurmurationConfig;
import io.murmuration.demo.EmbeddedKafka;
import io.murmuration.event.EventFormat;
import io.murmuration.event.InteractionReader;
import io.murmuration.event.RawRecord;
import io.murmuration.event.RejectedRecordException;
import io.murmuration.event.RejectionReason;
import io.murmuration.event.Truncation;
import io.murmuration.event.UserEvent;
import io.murmuration.event.WriterSchemas;
import io.murmuration.job.HostileRecords.Hostile;
import io.murmuration.model.TokenTruncation;
import io.murmuration.privacy.ledger.FileLedger;
import io.murmuration.privacy.ledger.LedgerRecord.Charge;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Map;
import java.util.TreeMap;
import org.apache.flink.api.common.JobStatus;
import org.apache.flink.configuration.Configuration;
import org.apache.flink.core.execution.JobClient;
import org.apache.flink.metrics.Counter;
import org.apache.flink.metrics.Metric;
import org.apache.flink.metrics.MetricGroup;
import org.apache.flink.runtime.testutils.InMemoryReporter;
import org.apache.flink.streaming.api.environment.StreamExecutionEnvironment;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.serialization.ByteArraySerializer;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * Hostile records through the whole job while it trains: it never fails, and every record is
 * accounted for as kept, bounded away, dead-lettered or an erasure. {@code scripts/fuzz} sends as
 * many as one likes.
 */
class HostileRecordsITCase {

  private static final int RECORDS = Integer.getInteger("murmuration.fuzz.records", 20_000);
  private static final long SEED = Long.getLong("murmuration.fuzz.seed", 20);

  @TempDir private Path directory;

  @Test
  void everyRecordIsAccountedForAndTheJobNeverFails() throws Exception {
    try (EmbeddedKafka kafka =
        EmbeddedKafka.start(directory.resolve("kafka"), EmbeddedKafka.ANY_PORT)) {
      MurmurationConfig config = config(kafka);
      var topics = config.io().topics();
      kafka.createTopic(topics.interactions(), 3, Map.of());
      kafka.createTopic(topics.deadLetters(), 1, Map.of());
      kafka.createTopic(topics.releases(), 1, Map.of());
      InMemoryReporter metrics = InMemoryReporter.createWithRetainedMetrics();
      Configuration settings =
          Configuration.fromMap(
              Map.of(
                  "execution.checkpointing.dir",
                  directory.resolve("checkpoints").toUri().toString(),
                  "taskmanager.memory.managed.size",
                  "128 mb",
                  "state.backend.type",
                  "rocksdb",
                  "restart-strategy.type",
                  "disable"));
      StreamExecutionEnvironment env =
          StreamExecutionEnvironment.createLocalEnvironment(metrics.addToConfiguration(settings));
      MurmurationJob.addTo(env, config);
      JobClient job = env.executeAsync("fuzz");
      try {
        Expected expected = feed(kafka, config);
        await()
            .atMost(Duration.ofMinutes(60))
            .pollInterval(Duration.ofSeconds(1))
            .failFast(() -> job.getJobStatus().get().isTerminalState())
            .until(
                () ->
                    sum(metrics, "eventsIn") + sum(metrics, "deadLetters") >= RECORDS
                        && rounds() > 0);
        assertThat(job.getJobStatus().get()).isEqualTo(JobStatus.RUNNING);

        Map<RejectionReason, Long> dead = new TreeMap<>();
        for (RejectionReason reason : RejectionReason.values()) {
          long count = sum(metrics, "reason." + reason.name() + ".deadLetters");
          if (count > 0) {
            dead.put(reason, count);
          }
        }
        long in = sum(metrics, "eventsIn");
        long bounded = sum(metrics, "eventsBoundedAway");
        long kept = in - bounded - expected.erasures;
        System.out.printf(
            "%,d records (seed %d): %,d kept, %,d bounded away, %,d erasures, %,d dead letters %s;"
                + " %d rounds charged%n",
            RECORDS,
            SEED,
            kept,
            bounded,
            expected.erasures,
            sum(metrics, "deadLetters"),
            dead,
            rounds());
        assertThat(dead).isEqualTo(expected.dead);
        assertThat(in).isEqualTo(expected.events + expected.erasures);
        assertThat(kept + bounded + expected.erasures + sum(metrics, "deadLetters"))
            .isEqualTo(RECORDS);
        assertThat(kept).isPositive();
      } finally {
        job.cancel().get();
        job.getJobExecutionResult().handle((result, cancelled) -> null).get();
      }
    }
  }

  private long rounds() throws Exception {
    try (FileLedger ledger = new FileLedger(directory.resolve("ledger").resolve("chat.ledger"))) {
      return ledger.read().stream().filter(entry -> entry.record() instanceof Charge).count();
    }
  }

  private MurmurationConfig config(EmbeddedKafka kafka) {
    return JobConfigs.in(directory)
        .with("privacy.sampling-probability", "0.01")
        .with("privacy.expected-units", "50")
        .with("privacy.round-interval", "2 s")
        .with("contribution.window-ticks", "100000")
        .with("contribution.examples-per-window", "4")
        .with("kafka.bootstrap-servers", kafka.bootstrapServers())
        .with("job.checkpoint-interval", "2 s")
        .with("job.parallelism", "2")
        .config();
  }

  /** What the rules make of each record, looked at one by one. */
  private static final class Expected {
    private long events;
    private long erasures;
    private final Map<RejectionReason, Long> dead = new TreeMap<>();
  }

  private static Expected feed(EmbeddedKafka kafka, MurmurationConfig config) throws Exception {
    Expected expected = new Expected();
    HostileRecords records = new HostileRecords(SEED);
    InteractionReader reader =
        new InteractionReader(
            config.contribution().rules(), EventFormat.avro(WriterSchemas.builtIn()));
    String topic = config.io().topics().interactions();
    try (Truncation truncation =
            TokenTruncation.factory(
                    Path.of(config.training().model()), config.training().maxTokens())
                .open();
        KafkaProducer<byte[], byte[]> producer =
            new KafkaProducer<>(
                Map.of("bootstrap.servers", kafka.bootstrapServers(), "compression.type", "lz4"),
                new ByteArraySerializer(),
                new ByteArraySerializer())) {
      for (int i = 0; i < RECORDS; i++) {
        Hostile hostile = records.next();
        producer.send(new ProducerRecord<>(topic, hostile.key(), hostile.value()));
        try {
          UserEvent event =
              truncation.cut(
                  reader.read(new RawRecord(hostile.key(), hostile.value(), topic, 0, i, 0)));
          if (event.isErasure()) {
            expected.erasures++;
          } else {
            expected.events++;
          }
        } catch (RejectedRecordException e) {
          expected.dead.merge(e.reason(), 1L, Long::sum);
        }
      }
      producer.flush();
    }
    return expected;
  }

  /** Over all subtasks; a dot parts the last groups from the name. */
  private static long sum(InMemoryReporter metrics, String name) {
    long sum = 0;
    for (Map.Entry<MetricGroup, Map<String, Metric>> group :
        metrics.getMetricsByGroup().entrySet()) {
      for (Map.Entry<String, Metric> metric : group.getValue().entrySet()) {
        if (metric.getValue() instanceof Counter counter
            && ("." + group.getKey().getMetricIdentifier(metric.getKey())).endsWith("." + name)) {
          sum += counter.getCount();
        }
      }
    }
    return sum;
  }
}
