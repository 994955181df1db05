package io.murmuration.bench;

import io.murmuration.bench.Workload.Rate;
import io.murmuration.bench.Workload.StopWatch;
import io.murmuration.contribution.BoundAndSampleOperator;
import io.murmuration.contribution.CohortRecord;
import io.murmuration.contribution.CohortRecordSerializer;
import io.murmuration.contribution.ContributionBounds;
import io.murmuration.contribution.SamplerIdentity;
import io.murmuration.contribution.UserTurns;
import io.murmuration.demo.EmbeddedKafka;
import io.murmuration.event.DecodeInteractionsFunction;
import io.murmuration.event.EventFormat;
import io.murmuration.event.InteractionCodec;
import io.murmuration.event.InteractionRules;
import io.murmuration.event.RawRecord;
import io.murmuration.event.RawRecordDeserializationSchema;
import io.murmuration.event.Truncation;
import io.murmuration.event.UserCounting;
import io.murmuration.event.UserEvent;
import io.murmuration.event.UserEventSerializer;
import io.murmuration.event.UserPseudonyms;
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
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.LongFunction;
import org.apache.flink.api.common.JobExecutionResult;
import org.apache.flink.api.common.eventtime.WatermarkStrategy;
import org.apache.flink.api.common.serialization.SerializationSchema;
import org.apache.flink.api.common.typeinfo.Types;
import org.apache.flink.api.connector.source.SourceSplit;
import org.apache.flink.api.connector.source.util.ratelimit.RateLimiter;
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
import org.apache.flink.runtime.client.JobCancellationException;
import org.apache.flink.streaming.api.datastream.SingleOutputStreamOperator;
import org.apache.flink.streaming.api.environment.StreamExecutionEnvironment;
import org.apache.flink.util.ExceptionUtils;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.serialization.ByteArraySerializer;

/**
 * Interactions in Kafka to keyed state to samples in exactly-once Kafka: the broker in the same
 * process, on the same cores, checkpoints every second. Rounds come by events and not by the clock,
 * so that a slow machine has no more of them to an event than a fast one.
 */
final class KafkaIngestBench {

  private static final long EVENTS = Long.getLong("bench.kafka-events", 400_000);
  private static final long USERS = EVENTS / 5;

  /** Comparisons with lifetimes, an odd number. */
  private static final int PAIRS = Integer.getInteger("bench.kafka-pairs", 5);

  private static final int PARALLELISM = 2;
  private static final int MAX_TOKENS = 64;

  /** Four a second where 80,000 events are. */
  private static final long EVENTS_PER_TICK = 20_000;

  private static final Duration CHECKPOINTS =
      Duration.ofSeconds(Integer.getInteger("bench.kafka-checkpoint-seconds", 1));

  /** UUIDs in place of short ids. */
  private static final boolean LONG_IDS = Boolean.getBoolean("bench.long-ids");

  /** Longer than a tokenizer is spared, and without a space to cut at. */
  private static final int WORD_CHARS = 1_500;

  private static final long WORD_EVENTS = EVENTS / 10;
  private static final RoundMechanism MECHANISM =
      new RoundMechanism(Sampler.ULS, /* samplingProbability= */ 0.01, 8, 1, 1, 1000);

  private static final UserCounting LIFETIMES =
      new UserCounting(new UserPseudonyms(new byte[UserPseudonyms.MIN_KEY_BYTES]), PARALLELISM);

  private static volatile StopWatch stopWatch;
  private static int runs;

  private KafkaIngestBench() {}

  /** Events that lie in Kafka. */
  private record Stream(String topic, long events) {}

  static void run() throws Exception {
    Path data = BenchFiles.newPath();
    String model = System.getProperty("bench.model");
    try (EmbeddedKafka kafka = EmbeddedKafka.start(data, EmbeddedKafka.ANY_PORT)) {
      Stream chat = produce(kafka, new Stream("chat", EVENTS), KafkaIngestBench::chat);
      measure(kafka, chat, Truncation.none());
      measure(kafka, chat, Truncation.none(), LIFETIMES);
      Rate plain = measure(kafka, chat, Truncation.none());
      print("chat, cut by characters", plain);
      compareLifetimes(kafka, chat);
      if (model == null) {
        Workload.print("(-Dbench.model=DIRECTORY measures truncation by tokens too)");
        return;
      }
      Truncation.Factory atTokens = TokenTruncation.factory(Path.of(model), MAX_TOKENS);
      compare("chat", measure(kafka, chat, atTokens), plain);
      Stream words =
          produce(kafka, new Stream("words", WORD_EVENTS), KafkaIngestBench::withoutSpaces);
      Rate plainWords = measure(kafka, words, Truncation.none());
      print("%,d letters each, cut by characters".formatted(WORD_CHARS), plainWords);
      compare(
          "%,d letters each".formatted(WORD_CHARS), measure(kafka, words, atTokens), plainWords);
    }
  }

  private static UserEvent chat(long i) {
    UserEvent event = Workload.event(i, USERS);
    return LONG_IDS ? Workload.underUuid(event) : event;
  }

  /** In turns, each first as often as second: what else the machine does hits both alike. */
  private static void compareLifetimes(EmbeddedKafka kafka, Stream chat) throws Exception {
    List<Double> byClock = new ArrayList<>();
    List<Double> byCpu = new ArrayList<>();
    List<Double> byTasks = new ArrayList<>();
    for (int pair = 0; pair < PAIRS; pair++) {
      boolean isPlainFirst = pair % 2 == 0;
      Rate first = measure(kafka, chat, Truncation.none(), isPlainFirst ? null : LIFETIMES);
      Rate second = measure(kafka, chat, Truncation.none(), isPlainFirst ? LIFETIMES : null);
      Rate plain = isPlainFirst ? first : second;
      Rate counted = isPlainFirst ? second : first;
      print("chat, users have none", plain);
      print("chat, users have lifetimes", counted);
      byClock.add(counted.eventsPerSecond() / plain.eventsPerSecond());
      byCpu.add(plain.cpuMicros() / counted.cpuMicros());
      byTasks.add(plain.taskMicros() / counted.taskMicros());
    }
    Workload.print(
        "chat: with lifetimes ÷ without, median of %d pairs (least, most): %s by the clock, %s by"
            + " CPU, %s by CPU of the tasks' threads",
        PAIRS, median(byClock), median(byCpu), median(byTasks));
  }

  private static String median(List<Double> ratios) {
    List<Double> sorted = ratios.stream().sorted().toList();
    return "%.2f (%.2f, %.2f)"
        .formatted(sorted.get(PAIRS / 2), sorted.get(0), sorted.get(PAIRS - 1));
  }

  private static void compare(String what, Rate tokens, Rate characters) {
    print("%s, cut at %d tokens".formatted(what, MAX_TOKENS), tokens);
    Workload.print(
        "%s: tokens ÷ characters: %.2f by the clock, %.2f by CPU",
        what,
        tokens.eventsPerSecond() / characters.eventsPerSecond(),
        characters.cpuMicros() / tokens.cpuMicros());
  }

  private static UserEvent withoutSpaces(long i) {
    UserEvent event = Workload.event(i, WORD_EVENTS / 5);
    String letters = event.text().replace(" ", "");
    String text = letters.repeat(WORD_CHARS / letters.length() + 1).substring(0, WORD_CHARS);
    return UserEvent.interaction(
        event.userId(), event.eventId(), event.eventTimeMillis(), null, text);
  }

  private static void print(String what, Rate rate) {
    Workload.print(
        "Kafka → state → exactly-once Kafka, %-40s %,9.0f events/s %6.1f µs CPU, broker included;"
            + " %.1f µs of the tasks' threads",
        what + ":", rate.eventsPerSecond(), rate.cpuMicros(), rate.taskMicros());
  }

  private static Stream produce(EmbeddedKafka kafka, Stream stream, LongFunction<UserEvent> events)
      throws Exception {
    kafka.createTopic(stream.topic(), PARALLELISM, Map.of());
    Properties properties = new Properties();
    properties.put("bootstrap.servers", kafka.bootstrapServers());
    properties.put("linger.ms", "20");
    properties.put("batch.size", "262144");
    try (KafkaProducer<byte[], byte[]> producer =
        new KafkaProducer<>(properties, new ByteArraySerializer(), new ByteArraySerializer())) {
      for (long i = 0; i < stream.events(); i++) {
        UserEvent event = events.apply(i);
        producer.send(
            new ProducerRecord<>(
                stream.topic(),
                event.userId().getBytes(StandardCharsets.UTF_8),
                InteractionCodec.encode(event)));
      }
    }
    return stream;
  }

  private static Rate measure(EmbeddedKafka kafka, Stream stream, Truncation.Factory cut)
      throws Exception {
    return measure(kafka, stream, cut, /* lifetimes= */ null);
  }

  private static Rate measure(
      EmbeddedKafka kafka, Stream stream, Truncation.Factory cut, UserCounting lifetimes)
      throws Exception {
    String samplesTopic = "samples-" + ++runs;
    kafka.createTopic(samplesTopic, 1, Map.of());
    Configuration configuration = Workload.shippedRocksDb();
    configuration.set(RestartStrategyOptions.RESTART_STRATEGY, "disable");
    configuration.set(StateBackendOptions.STATE_BACKEND, "rocksdb");
    configuration.set(TaskManagerOptions.MANAGED_MEMORY_SIZE, MemorySize.ofMebiBytes(1024));
    configuration.set(CheckpointingOptions.CHECKPOINTING_INTERVAL, CHECKPOINTS);
    configuration.set(CheckpointingOptions.CHECKPOINT_STORAGE, "filesystem");
    configuration.set(CheckpointingOptions.CHECKPOINTS_DIRECTORY, BenchFiles.newDirectory());
    stopWatch = new StopWatch(stream.events());
    try (StreamExecutionEnvironment env =
        StreamExecutionEnvironment.createLocalEnvironment(PARALLELISM, configuration)) {
      env.getConfig().enableObjectReuse();
      build(env, kafka, stream, samplesTopic, cut, lifetimes);
      JobClient job = env.executeAsync("ingest");
      while (!stopWatch.isDone()) {
        if (job.getJobStatus().get().isGloballyTerminalState()) {
          throw new IllegalStateException("The job ended before it had read every event");
        }
        Thread.sleep(50);
      }
      cancel(job);
    }
    return stopWatch.rate();
  }

  /** Waits until the sink has closed: a broker that stops under it leaves it fatal errors. */
  private static void cancel(JobClient job) throws Exception {
    CompletableFuture<JobExecutionResult> end = job.getJobExecutionResult();
    job.cancel().get();
    try {
      end.get();
    } catch (ExecutionException e) {
      if (ExceptionUtils.findThrowable(e, JobCancellationException.class).isEmpty()) {
        throw e;
      }
    }
  }

  private static UserEvent counted(UserEvent event) {
    stopWatch.count();
    return event;
  }

  private static void build(
      StreamExecutionEnvironment env,
      EmbeddedKafka kafka,
      Stream stream,
      String samplesTopic,
      Truncation.Factory cut,
      UserCounting lifetimes) {
    KafkaSource<RawRecord> interactions =
        KafkaSource.<RawRecord>builder()
            .setBootstrapServers(kafka.bootstrapServers())
            .setTopics(stream.topic())
            .setGroupId(samplesTopic)
            .setStartingOffsets(OffsetsInitializer.earliest())
            .setDeserializer(new RawRecordDeserializationSchema())
            .build();
    SingleOutputStreamOperator<UserEvent> events =
        env.fromSource(interactions, WatermarkStrategy.noWatermarks(), "interactions")
            .process(
                new DecodeInteractionsFunction(
                    InteractionRules.DEFAULTS,
                    EventFormat.avro(WriterSchemas.builtIn()),
                    cut,
                    lifetimes))
            .returns(new UserEventSerializer().typeInfo(UserEvent.class))
            .map(KafkaIngestBench::counted)
            .returns(new UserEventSerializer().typeInfo(UserEvent.class));
    SingleOutputStreamOperator<BudgetSignal> budget =
        env.fromSource(
                new DataGeneratorSource<>(
                    tick -> tick, Long.MAX_VALUE, new EventClock<>(), Types.LONG),
                WatermarkStrategy.noWatermarks(),
                "clock")
            .setParallelism(1)
            .transform(
                "privacy budget",
                new BudgetSignalSerializer().typeInfo(BudgetSignal.class),
                new ScriptedBudget(MECHANISM, lifetimes == null ? 0 : PARALLELISM))
            .setParallelism(1);
    events
        .keyBy(UserEvent::userId, Types.STRING)
        .connect(budget.broadcast())
        .transform(
            "bound & sample",
            new CohortRecordSerializer().typeInfo(CohortRecord.class),
            new BoundAndSampleOperator(
                new ContributionBounds(1 << 20, 16, 1),
                lifetimes == null ? null : new SamplerIdentity("key", "rules", PARALLELISM),
                UserTurns.NONE,
                /* privateMetrics= */ false))
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

  /** Ticks that follow the events. */
  private record EventClock<S extends SourceSplit>() implements RateLimiterStrategy<S> {

    @Override
    public RateLimiter<S> createRateLimiter(int parallelism) {
      StopWatch events = stopWatch;
      AtomicLong ticks = new AtomicLong();
      return pulses -> events.passed(ticks.getAndAdd(pulses) * EVENTS_PER_TICK);
    }
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
