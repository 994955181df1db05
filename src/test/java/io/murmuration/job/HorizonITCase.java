package io.murmuration.job;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.murmuration.config.MurmurationConfig;
import io.murmuration.contribution.StateSummary;
import io.murmuration.demo.EmbeddedKafka;
import io.murmuration.event.InteractionProducer;
import io.murmuration.event.avro.Interaction;
import io.murmuration.privacy.accounting.Mechanism;
import io.murmuration.privacy.accounting.PldAccountant;
import io.murmuration.privacy.accounting.PoissonSubsampledGaussian;
import io.murmuration.rounds.ModelGradients;
import io.murmuration.training.GradientEngine;
import io.murmuration.training.GradientOperator;
import io.murmuration.training.GradientSource;
import io.murmuration.training.InMemoryParameterStore;
import io.murmuration.training.PrivacySlice;
import io.murmuration.training.PublicWatch;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Proxy;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.util.Collection;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.TimeUnit;
import org.apache.flink.configuration.Configuration;
import org.apache.flink.configuration.StateRecoveryOptions;
import org.apache.flink.streaming.api.environment.StreamExecutionEnvironment;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.RecordsToDelete;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.serialization.ByteArraySerializer;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/**
 * Training that never ends, between a real broker and a real model: people retire, others come, and
 * an old savepoint gives nobody another lifetime. That somebody of three dozen is never sampled has
 * a probability below 10⁻⁴, also if one of the four rounds is missed.
 */
@Timeout(900)
class HorizonITCase {

  private static final double SAMPLING_PROBABILITY = 0.99;
  private static final double DELTA = 1e-5;
  private static final int LIFETIME = 4;
  private static final int PARTITIONS = 3;
  private static final int PEOPLE = 12;
  private static final String DOMAIN = "horizon";
  private static final String TOPIC = "horizon-interactions";

  /** How often gradients of a text were taken: each text is one user's only one. */
  private static final Map<String, Integer> ROUNDS_OF = new ConcurrentHashMap<>();

  @TempDir private Path directory;

  @Test
  void peopleRetire_trainingGoesOn_andNobodyHasASecondLifetime() throws Exception {
    ROUNDS_OF.clear();
    try (EmbeddedKafka kafka =
        EmbeddedKafka.start(directory.resolve("kafka"), EmbeddedKafka.ANY_PORT)) {
      kafka.createTopic(TOPIC, PARTITIONS, Map.of("cleanup.policy", "delete"));
      kafka.createTopic("horizon-dead-letters", 1, Map.of());
      kafka.createTopic("horizon-releases", 1, Map.of());
      MurmurationConfig config = config(kafka);

      String afterFirstWave;
      say(kafka, "first");
      try (Run run = new Run(config, /* savepoint= */ null)) {
        run.awaitLivesOf("first");
        afterFirstWave = run.savepoint();
        say(kafka, "second");
        say(kafka, "first");
        sayInAnotherPartition(kafka);
        run.awaitLivesOf("second");
        StateSummary users = SavepointInspection.read(run.stop(), "rocksdb").users();
        assertThat(users.counted()).isGreaterThanOrEqualTo(2 * PEOPLE - 2);
        assertThat(users.retired()).isEqualTo(users.counted());
        assertThat(run.halts).as("training never ends").isEmpty();
      }
      assertThat(roundsOf("first")).hasSize(PEOPLE).allMatch(rounds -> rounds <= LIFETIME);
      assertThat(roundsOf("second")).hasSize(PEOPLE).allMatch(rounds -> rounds <= LIFETIME);
      assertThat(ROUNDS_OF).doesNotContainKey("astray");

      int before = ROUNDS_OF.values().stream().mapToInt(rounds -> rounds).sum();
      try (Run run = new Run(config, afterFirstWave)) {
        // the second wave is read again, by a sampler that knows nothing of it
        run.awaitRounds(3);
        assertThat(ROUNDS_OF.values().stream().mapToInt(rounds -> rounds).sum())
            .as("nobody of the first two waves takes part again")
            .isEqualTo(before);
        say(kafka, "third");
        run.awaitLivesOf("third");
        run.stop();
      }
      assertThat(roundsOf("third")).hasSize(PEOPLE).allMatch(rounds -> rounds <= LIFETIME);
      assertThat(ROUNDS_OF.values()).allMatch(rounds -> rounds <= LIFETIME);

      try (Run run = new Run(config, /* savepoint= */ null)) {
        assertThatThrownBy(() -> run.job.getJobExecutionResult().get(1, TimeUnit.MINUTES))
            .hasStackTraceContaining("the sampler has no state")
            .hasStackTraceContaining("--new-generation");
        run.stopped = true;
      }
      try (Run run = new Run(renamedSource(config, afterFirstWave))) {
        assertThatThrownBy(() -> run.job.getJobExecutionResult().get(1, TimeUnit.MINUTES))
            .hasStackTraceContaining("the source has no state and begins at offset")
            .hasStackTraceContaining("without --allowNonRestoredState");
        run.stopped = true;
      }
      dropRecords(kafka);
      try (Run run = new Run(config, afterFirstWave)) {
        assertThatThrownBy(() -> run.job.getJobExecutionResult().get(1, TimeUnit.MINUTES))
            .hasStackTraceContaining("are gone before they were read");
        run.stopped = true;
      }
    }
  }

  /** Deletes every record, as a retention does that is too short. */
  private static void dropRecords(EmbeddedKafka kafka) throws Exception {
    try (Admin admin = Admin.create(Map.of("bootstrap.servers", kafka.bootstrapServers()))) {
      Map<TopicPartition, RecordsToDelete> all = new HashMap<>();
      for (int partition = 0; partition < PARTITIONS; partition++) {
        all.put(new TopicPartition(TOPIC, partition), RecordsToDelete.beforeOffset(-1));
      }
      admin.deleteRecords(all).all().get();
    }
  }

  private static Collection<Integer> roundsOf(String wave) {
    return ROUNDS_OF.entrySet().stream()
        .filter(entry -> entry.getKey().startsWith(wave))
        .map(Map.Entry::getValue)
        .toList();
  }

  private MurmurationConfig config(EmbeddedKafka kafka) throws Exception {
    Path key = directory.resolve("id.key");
    Files.write(key, new byte[32]);
    return JobConfigs.in(directory)
        .with("privacy.domain", DOMAIN)
        .with("privacy.epsilon", String.valueOf(budget()))
        .with("privacy.delta", String.valueOf(DELTA))
        .with("privacy.sampling-probability", String.valueOf(SAMPLING_PROBABILITY))
        .with("privacy.noise-multiplier", "1")
        .with("privacy.expected-units", "10")
        .with("privacy.round-interval", "300 ms")
        .with("horizon.enabled", "true")
        .with("horizon.id-key-file", key.toString())
        .with("contribution.window-ticks", "100000")
        .with("kafka.bootstrap-servers", kafka.bootstrapServers())
        .with("kafka.topics.interactions", TOPIC)
        .with("kafka.topics.dead-letters", "horizon-dead-letters")
        .with("kafka.topics.releases", "horizon-releases")
        .with("job.checkpoint-interval", "500 ms")
        .with("job.parallelism", "2")
        .config();
  }

  /** Affords {@link #LIFETIME} rounds and not one more. */
  private static double budget() {
    PldAccountant accountant = new PldAccountant();
    Mechanism mechanism = new PoissonSubsampledGaussian(SAMPLING_PROBABILITY, 1);
    return (accountant.epsilon(mechanism, LIFETIME, DELTA)
            + accountant.epsilon(mechanism, LIFETIME + 1, DELTA))
        / 2;
  }

  /** Everybody of a wave says one thing. */
  private static void say(EmbeddedKafka kafka, String wave) throws InterruptedException {
    try (InteractionProducer producer =
        new InteractionProducer(
            kafka.bootstrapServers(), TOPIC, Map.of(), InteractionProducer.UNLIMITED)) {
      for (int i = 0; i < PEOPLE; i++) {
        producer.send(interaction(wave + " " + i));
      }
    }
  }

  /** A record in a partition that its key does not name. */
  private static void sayInAnotherPartition(EmbeddedKafka kafka) throws Exception {
    byte[] key = "astray".getBytes(StandardCharsets.UTF_8);
    var buffer = interaction("astray").toByteBuffer();
    byte[] value = new byte[buffer.remaining()];
    buffer.get(value);
    try (KafkaProducer<byte[], byte[]> producer =
        new KafkaProducer<>(
            Map.of("bootstrap.servers", kafka.bootstrapServers()),
            new ByteArraySerializer(),
            new ByteArraySerializer())) {
      int named = producer.send(new ProducerRecord<>(TOPIC, key, new byte[0])).get().partition();
      producer.send(new ProducerRecord<>(TOPIC, (named + 1) % PARTITIONS, key, value)).get();
    }
  }

  /** The user and what the user says are the same, so that gradients tell whose they are. */
  private static Interaction interaction(String user) {
    return Interaction.newBuilder()
        .setEventId("e")
        .setUserId(user)
        .setEventTime(Instant.EPOCH)
        .setPrompt(null)
        .setText(user)
        .setErase(false)
        .build();
  }

  /** Counts whose gradients are taken. */
  private record Counting(GradientSource.Factory sources) implements GradientSource.Factory {
    @Override
    public GradientSource open() {
      GradientSource source = sources.open();
      return new GradientSource() {
        private GradientEngine counted;

        @Override
        public GradientEngine engine(float[] frozen) {
          counted = source.engine(frozen);
          return counting(counted);
        }

        @Override
        public PublicWatch watch(GradientEngine engine) {
          return source.watch(counted);
        }

        @Override
        public void close() {
          source.close();
        }
      };
    }

    private static GradientEngine counting(GradientEngine engine) {
      return (GradientEngine)
          Proxy.newProxyInstance(
              Counting.class.getClassLoader(),
              new Class<?>[] {GradientEngine.class},
              (proxy, method, arguments) -> {
                if (method.getName().equals("clippedSum") || method.getName().equals("addTo")) {
                  for (Object argument : arguments) {
                    if (argument instanceof List<?> slices) {
                      slices.forEach(slice -> count((PrivacySlice) slice));
                    }
                  }
                }
                try {
                  return method.invoke(engine, arguments);
                } catch (InvocationTargetException e) {
                  throw e.getCause();
                }
              });
    }

    private static void count(PrivacySlice slice) {
      ROUNDS_OF.merge(slice.examples().get(0).text(), 1, Integer::sum);
    }
  }

  /** The job's own topology, its gradients counted. */
  private static MurmurationTopology topology(MurmurationConfig config) {
    MurmurationTopology job = MurmurationJob.topology(config, ConfiguredPhases.of(config));
    return new MurmurationTopology(
        job.interactions(),
        job.clock(),
        job.decode(),
        job.bounds(),
        job.budget(),
        new GradientOperator.Factory(
            new Counting(ModelGradients.factory(config.training())),
            () -> new InMemoryParameterStore(DOMAIN),
            config.training().sampleBufferBytes(),
            /* privateMetrics= */ false),
        job.workers(),
        job.train(),
        job.publish(),
        job.deadLetters(),
        job.maxParallelism(),
        job.privateMetrics(),
        job.lifetimes(),
        job.turns());
  }

  private StreamExecutionEnvironment environment(MurmurationConfig config, String savepoint) {
    Map<String, String> flink = new HashMap<>();
    flink.put("state.backend.type", "rocksdb");
    flink.put("execution.checkpointing.dir", directory.resolve("checkpoints").toUri().toString());
    flink.put("execution.checkpointing.interval", "500 ms");
    flink.put("taskmanager.memory.managed.size", "128 mb");
    flink.put("restart-strategy.type", "disable");
    if (savepoint != null) {
      flink.put(StateRecoveryOptions.SAVEPOINT_PATH.key(), savepoint);
    }
    StreamExecutionEnvironment env =
        StreamExecutionEnvironment.createLocalEnvironment(Configuration.fromMap(flink));
    env.setParallelism(2);
    topology(config).addTo(env);
    return env;
  }

  /**
   * Restores all but the source, which another uid keeps from its state, and would read on where
   * the consumer group stands: behind records that this sampler has never seen.
   */
  private StreamExecutionEnvironment renamedSource(MurmurationConfig config, String savepoint) {
    StreamExecutionEnvironment env = environment(config, savepoint);
    env.configure(
        Configuration.fromMap(
            Map.of(StateRecoveryOptions.SAVEPOINT_IGNORE_UNCLAIMED_STATE.key(), "true")));
    env.getTransformations().stream()
        .flatMap(end -> end.getTransitivePredecessors().stream())
        .filter(transformation -> "interactions".equals(transformation.getUid()))
        .findAny()
        .orElseThrow()
        .setUid("renamed-interactions");
    return env;
  }

  private final class Run extends ObservedJob {

    Run(MurmurationConfig config, String savepoint) throws Exception {
      this(environment(config, savepoint));
    }

    Run(StreamExecutionEnvironment env) throws Exception {
      super(DOMAIN, env, directory.resolve("savepoints"));
    }

    void awaitRounds(int rounds) {
      awaitThat(() -> granted.size() >= rounds);
    }

    /**
     * Waits until everybody of a wave was read and sampled, however long that takes, and then for a
     * lifetime and the clean-up after it.
     */
    void awaitLivesOf(String wave) {
      awaitThat(() -> roundsOf(wave).size() == PEOPLE);
      awaitRounds(granted.size() + LIFETIME + 3);
    }
  }
}
