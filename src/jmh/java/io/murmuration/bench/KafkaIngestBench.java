package io.murmuration.bench;

import io.murmuration.bench.Workload.Rate;
import io.murmuration.bench.Workload.StopWatch;
import io.murmuration.contribution.BoundAndSampleOperator;
import io.murmuration.contribution.CohortRecord;
import io.murmuration.contribution.CohortRecordSerializer;
import io.murmuration.contribution.ContributionBounds;
import io.murmuration.demo.EmbeddedKafka;
import io.murmuration.event.DecodeInteractionsFunction;
import io.murmuration.event.InteractionCodec;
import io.murmuration.event.InteractionRules;
import io.murmuration.event.RawRecord;
import io.murmuration.event.RawRecordDeserializationSchema;
import io.murmuration.event.Truncation;
import io.murmuration.event.UserEvent;
import io.murmuration.event.UserEventSerializer;
import io.murmuration.event.WriterSchemas;
import io.murmuration.model.TokenTruncation;
import io.murmuration.privacy.mechanism.BudgetSignal;
import io.murmuration.privacy.mechanism.BudgetSignalSerializer;
import io.murmuration.privacy.mechanism.RoundMechanism;
import io.murmuration.privacy.mechanism.Sampler;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Map;
import java.util.Properties;
import org.apache.flink.api.common.eventtime.WatermarkStrategy;
import org.apache.flink.api.common.serialization.SerializationSchema;
import org.apache.flink.api.common.typeinfo.Types;
import org.apache.flink.api.connector.source.util.ratelimit.RateLimiterStrategy;
import org.apache.flink.configuration.CheckpointingOptions;
import org.apache.flink.configuration.Configuration;
import org.apache.flink.configuration.MemorySize;
import org.apache.flink.configuration.RestartStrategyOptions;
import org.apache.flink.configuration.StateBackendOptions;
import org.apache.flink.configuration.TaskManagerOptions;
import org.apache.flink.connector.base.DeliveryGuarantee;
import org.apache.flink.connector.datagen.source.DataGeneratorSource;
import org.apache.flink.connector.kafka.sink.KafkaRecordSerializationSchema;
import org.apache.flink.connector.kafka.sink.KafkaSink;
import org.apache.flink.connector.kafka.source.KafkaSource;
import org.apache.flink.connector.kafka.source.enumerator.initializer.OffsetsInitializer;
import org.apache.flink.core.execution.JobClient;
import org.apache.flink.core.memory.DataOutputSerializer;
import org.apache.flink.streaming.api.datastream.SingleOutputStreamOperator;
import org.apache.flink.streaming.api.environment.StreamExecutionEnvironment;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.serialization.ByteArraySerializer;

/**
 * Interactions in Kafka to keyed state to samples in exactly-once Kafka: the broker in the same
 * process, on the same cores, checkpoints every second.
 */
final class KafkaIngestBench {

  private static final long EVENTS = Long.getLong("bench.kafka-events", 400_000);
  private static final long USERS = EVENTS / 5;
  private static final int PARALLELISM = 2;
  private static final int MAX_TOKENS = 64;
  private static final int TICKS_PER_SECOND = 4;
  private static final String EVENTS_TOPIC = "interactions";
  private static final RoundMechanism MECHANISM =
      new RoundMechanism(Sampler.ULS, /* samplingProbability= */ 0.01, 8, 1, 1, 1000);

  private static volatile StopWatch stopWatch;

  private KafkaIngestBench() {}

  static void run() throws Exception {
    Path data = BenchFiles.newPath();
    try (EmbeddedKafka kafka = EmbeddedKafka.start(data, EmbeddedKafka.ANY_PORT)) {
      kafka.createTopic(EVENTS_TOPIC, PARALLELISM, Map.of());
      produce(kafka);
      Rate plain = measure(kafka, "samples-warm-up", Truncation.none());
      plain = measure(kafka, "samples", Truncation.none());
      print("cut by characters", plain);
      String model = System.getProperty("bench.model");
      if (model == null) {
        Workload.print("(-Dbench.model=DIRECTORY measures truncation by tokens too)");
        return;
      }
      Rate tokens =
          measure(kafka, "samples-tokens", TokenTruncation.factory(Path.of(model), MAX_TOKENS));
      print("cut at %d tokens".formatted(MAX_TOKENS), tokens);
      Workload.print(
          "tokens ÷ characters: %.2f by the clock, %.2f by CPU",
          tokens.eventsPerSecond() / plain.eventsPerSecond(),
          plain.cpuMicros() / tokens.cpuMicros());
    }
  }

  private static void print(String what, Rate rate) {
    Workload.print(
        "Kafka → state → exactly-once Kafka, %-20s %,9.0f events/s %6.1f µs CPU, broker included",
        what + ":", rate.eventsPerSecond(), rate.cpuMicros());
  }

  private static void produce(EmbeddedKafka kafka) {
    Properties properties = new Properties();
    properties.put("bootstrap.servers", kafka.bootstrapServers());
    properties.put("linger.ms", "20");
    properties.put("batch.size", "262144");
    try (KafkaProducer<byte[], byte[]> producer =
        new KafkaProducer<>(properties, new ByteArraySerializer(), new ByteArraySerializer())) {
      for (long i = 0; i < EVENTS; i++) {
        UserEvent event = Workload.event(i, USERS);
        producer.send(
            new ProducerRecord<>(
                EVENTS_TOPIC,
                event.userId().getBytes(StandardCharsets.UTF_8),
                InteractionCodec.encode(event)));
      }
    }
  }

  private static Rate measure(EmbeddedKafka kafka, String samplesTopic, Truncation.Factory cut)
      throws Exception {
    kafka.createTopic(samplesTopic, 1, Map.of());
    Configuration configuration = new Configuration();
    configuration.set(RestartStrategyOptions.RESTART_STRATEGY, "disable");
    configuration.set(StateBackendOptions.STATE_BACKEND, "rocksdb");
    configuration.set(TaskManagerOptions.MANAGED_MEMORY_SIZE, MemorySize.ofMebiBytes(1024));
    configuration.set(CheckpointingOptions.CHECKPOINTING_INTERVAL, Duration.ofSeconds(1));
    configuration.set(CheckpointingOptions.CHECKPOINT_STORAGE, "filesystem");
    configuration.set(CheckpointingOptions.CHECKPOINTS_DIRECTORY, BenchFiles.newDirectory());
    stopWatch = new StopWatch(EVENTS);
    try (StreamExecutionEnvironment env =
        StreamExecutionEnvironment.createLocalEnvironment(PARALLELISM, configuration)) {
      env.getConfig().enableObjectReuse();
      build(env, kafka, samplesTopic, cut);
      JobClient job = env.executeAsync("ingest");
      while (!stopWatch.isDone()) {
        if (job.getJobStatus().get().isGloballyTerminalState()) {
          throw new IllegalStateException("The job ended before it had read every event");
        }
        Thread.sleep(50);
      }
      job.cancel().get();
    }
    return stopWatch.rate();
  }

  private static UserEvent counted(UserEvent event) {
    stopWatch.count();
    return event;
  }

  private static void build(
      StreamExecutionEnvironment env,
      EmbeddedKafka kafka,
      String samplesTopic,
      Truncation.Factory cut) {
    KafkaSource<RawRecord> interactions =
        KafkaSource.<RawRecord>builder()
            .setBootstrapServers(kafka.bootstrapServers())
            .setTopics(EVENTS_TOPIC)
            .setGroupId(samplesTopic)
            .setStartingOffsets(OffsetsInitializer.earliest())
            .setDeserializer(new RawRecordDeserializationSchema())
            .build();
    SingleOutputStreamOperator<UserEvent> events =
        env.fromSource(interactions, WatermarkStrategy.noWatermarks(), "interactions")
            .process(
                new DecodeInteractionsFunction(
                    InteractionRules.DEFAULTS, WriterSchemas.builtIn(), cut))
            .returns(new UserEventSerializer().typeInfo(UserEvent.class))
            .map(KafkaIngestBench::counted)
            .returns(new UserEventSerializer().typeInfo(UserEvent.class));
    SingleOutputStreamOperator<BudgetSignal> budget =
        env.fromSource(
                new DataGeneratorSource<>(
                    tick -> tick,
                    Long.MAX_VALUE,
                    RateLimiterStrategy.perSecond(TICKS_PER_SECOND),
                    Types.LONG),
                WatermarkStrategy.noWatermarks(),
                "clock")
            .setParallelism(1)
            .transform(
                "privacy budget",
                new BudgetSignalSerializer().typeInfo(BudgetSignal.class),
                new ScriptedBudget(MECHANISM))
            .setParallelism(1);
    events
        .keyBy(UserEvent::userId, Types.STRING)
        .connect(budget.broadcast())
        .transform(
            "bound & sample",
            new CohortRecordSerializer().typeInfo(CohortRecord.class),
            new BoundAndSampleOperator(new ContributionBounds(1 << 20, 16, 1)))
        .sinkTo(samples(kafka, samplesTopic));
  }

  private static KafkaSink<CohortRecord> samples(EmbeddedKafka kafka, String topic) {
    return KafkaSink.<CohortRecord>builder()
        .setBootstrapServers(kafka.bootstrapServers())
        .setRecordSerializer(
            KafkaRecordSerializationSchema.<CohortRecord>builder()
                .setTopic(topic)
                .setValueSerializationSchema(new SampleBytes())
                .build())
        .setDeliveryGuarantee(DeliveryGuarantee.EXACTLY_ONCE)
        .setTransactionalIdPrefix(topic)
        .setProperty("transaction.timeout.ms", "900000")
        .build();
  }

  private static final class SampleBytes implements SerializationSchema<CohortRecord> {
    private static final long serialVersionUID = 1L;

    @Override
    public byte[] serialize(CohortRecord sample) {
      DataOutputSerializer out = new DataOutputSerializer(1024);
      try {
        new CohortRecordSerializer().serialize(sample, out);
      } catch (IOException e) {
        throw new UncheckedIOException("Writing into memory failed", e);
      }
      return out.getCopyOfBuffer();
    }
  }
}
