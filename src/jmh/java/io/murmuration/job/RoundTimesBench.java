package io.murmuration.job;

import io.murmuration.config.MurmurationConfig;
import io.murmuration.demo.DemoModel;
import io.murmuration.demo.SyntheticEvent;
import io.murmuration.demo.SyntheticStream;
import io.murmuration.event.RawRecord;
import io.murmuration.event.RawRecordSerializer;
import io.murmuration.privacy.budget.InMemoryRoundFeedback;
import io.murmuration.release.DirectoryModelStore;
import io.murmuration.release.PublishSink;
import io.murmuration.rounds.ModelRoundTrainer;
import io.murmuration.training.InMemoryParameterStore;
import io.murmuration.training.LearningRateSchedule;
import io.murmuration.training.OptimizerOptions;
import io.murmuration.training.PartialSums.RoundSum;
import io.murmuration.training.RoundTrainer;
import io.murmuration.training.TrainOperator;
import io.murmuration.training.TrainerState;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;
import java.util.function.ToDoubleFunction;
import org.apache.flink.api.connector.source.util.ratelimit.RateLimiterStrategy;
import org.apache.flink.configuration.Configuration;
import org.apache.flink.connector.datagen.source.DataGeneratorSource;
import org.apache.flink.connector.datagen.source.GeneratorFunction;
import org.apache.flink.core.execution.JobClient;
import org.apache.flink.streaming.api.environment.StreamExecutionEnvironment;
import org.apache.flink.streaming.api.functions.sink.v2.DiscardingSink;

/**
 * Where the wall time between two rounds of the demo's model goes: trainer, or everything that
 * Flink does around it (charge, grant, sampling, watermark, release, acknowledgement, waiting for
 * the next pulse of the clock). The whole job in one process, without a broker, its rounds as close
 * as they can be.
 */
public final class RoundTimesBench {

  private static final int USERS = 500;
  private static final int WARM_UP_ROUNDS = 5;
  private static final int ROUNDS = 12;

  /** Of the trainer, which runs in this process. */
  private record Round(long start, long end, long noiseNanos, long updateNanos, long tokens) {}

  private static final BlockingQueue<Round> EXECUTED = new LinkedBlockingQueue<>();

  private RoundTimesBench() {}

  /** Runs the job for a few rounds. */
  public static void main(String[] args) throws Exception {
    Path directory = Files.createTempDirectory("murmuration-bench");
    StreamExecutionEnvironment env =
        StreamExecutionEnvironment.createLocalEnvironment(
            Configuration.fromMap(
                Map.of(
                    "execution.checkpointing.dir",
                    directory.resolve("checkpoints").toUri().toString(),
                    "execution.checkpointing.interval",
                    "10 s",
                    "restart-strategy.type",
                    "disable")));
    topology(config(directory)).addTo(env);
    JobClient job = env.executeAsync("round bench");
    Round[] rounds = new Round[WARM_UP_ROUNDS + ROUNDS];
    for (int i = 0; i < rounds.length; i++) {
      rounds[i] = EXECUTED.poll(5, TimeUnit.MINUTES);
      if (rounds[i] == null) {
        throw new IllegalStateException("No round within 5 minutes: " + job.getJobStatus().get());
      }
    }
    job.cancel().get(1, TimeUnit.MINUTES);
    print(Arrays.asList(rounds));
  }

  private static void print(List<Round> rounds) {
    double[] wall = new double[ROUNDS];
    for (int i = 0; i < ROUNDS; i++) {
      wall[i] = rounds.get(WARM_UP_ROUNDS + i).end() - rounds.get(WARM_UP_ROUNDS + i - 1).end();
    }
    List<Round> measured = rounds.subList(WARM_UP_ROUNDS, rounds.size());
    double trainer = share(measured, wall, round -> round.end() - round.start());
    double noise = share(measured, wall, Round::noiseNanos);
    double update = share(measured, wall, Round::updateNanos);
    System.out.println(
        String.format(
            Locale.ROOT,
            "demo's model in the job: %.0f ms from round to round, %.0f trained tokens each;"
                + " noise %.2f%%, optimizer %.2f%%, release's weights %.2f%%,"
                + " gradients, Flink and waiting %.1f%%",
            median(wall) / 1e6,
            median(measured.stream().mapToDouble(Round::tokens).toArray()),
            100 * noise,
            100 * update,
            100 * (trainer - noise - update),
            100 * (1 - trainer)));
  }

  private static double share(List<Round> rounds, double[] wall, ToDoubleFunction<Round> part) {
    double[] shares = new double[wall.length];
    Arrays.setAll(shares, i -> part.applyAsDouble(rounds.get(i)) / wall[i]);
    return median(shares);
  }

  private static double median(double[] values) {
    double[] sorted = values.clone();
    Arrays.sort(sorted);
    return (sorted[(sorted.length - 1) / 2] + sorted[sorted.length / 2]) / 2;
  }

  private static MurmurationConfig config(Path directory) throws IOException {
    Map<String, String> settings = new HashMap<>();
    settings.put("privacy.domain", "bench");
    settings.put("privacy.epsilon", "1000");
    settings.put("privacy.delta", "1e-6");
    settings.put("privacy.sampling-probability", "0.5");
    settings.put("privacy.expected-units", String.valueOf(USERS / 2));
    settings.put("privacy.noise-multiplier", "1");
    settings.put("privacy.round-interval", "20 ms");
    settings.put("contribution.window-ticks", "1000000");
    settings.put("training.model", DemoModel.unpack(directory.resolve("base")).toString());
    settings.put("kafka.bootstrap-servers", "localhost:1");
    settings.put("ledger.kind", "FILE");
    settings.put("ledger.directory", directory.resolve("ledger").toString());
    settings.put("feedback.kind", "IN_MEMORY");
    settings.put("releases.directory", directory.resolve("releases").toString());
    settings.put("job.parallelism", "2");
    return MurmurationConfig.of(settings);
  }

  private static MurmurationTopology topology(MurmurationConfig config) {
    MurmurationTopology job = MurmurationJob.topology(config, ConfiguredPhases.of(config));
    ConfiguredReleases releases = ConfiguredReleases.of(config);
    String domain = config.privacy().domain();
    RoundTrainer.Factory trainer =
        ModelRoundTrainer.factory(
            config.training(),
            releases.start(),
            OptimizerOptions.AdamW.withDefaults(
                LearningRateSchedule.constant(config.training().learningRate())));
    return new MurmurationTopology(
        new DataGeneratorSource<>(
            new Messages(),
            Long.MAX_VALUE,
            RateLimiterStrategy.perSecond(2000),
            new RawRecordSerializer().typeInfo(RawRecord.class)),
        job.clock(),
        job.decode(),
        job.bounds(),
        job.budget(),
        job.gradients(),
        job.workers(),
        new TrainOperator.Factory(
            restored -> new Timed(trainer.create(restored)),
            () -> new InMemoryParameterStore(domain),
            new InMemoryRoundFeedback(domain),
            job.budget().submission(),
            /* privateMetrics= */ false),
        new PublishSink(
            DirectoryModelStore.at(config.io().releasesDirectory()),
            releases.context(),
            new DiscardingSink<>()),
        new DiscardingSink<>(),
        job.maxParallelism(),
        /* privateMetrics= */ false,
        job.lifetimes());
  }

  /** The demo's messages, again and again. */
  private static final class Messages implements GeneratorFunction<Long, RawRecord> {

    private static final long serialVersionUID = 1L;
    private transient List<SyntheticEvent> events;

    @Override
    public RawRecord map(Long index) {
      if (events == null) {
        events = SyntheticStream.generate(/* seed= */ 1, USERS, /* secrets= */ 0).events();
      }
      SyntheticEvent event = events.get((int) (index % events.size()));
      try {
        ByteBuffer value = event.toInteraction().toByteBuffer();
        byte[] bytes = new byte[value.remaining()];
        value.get(bytes);
        return new RawRecord(
            event.userId().getBytes(StandardCharsets.UTF_8), bytes, "bench", 0, index, 0);
      } catch (IOException e) {
        throw new UncheckedIOException(e);
      }
    }
  }

  private record Timed(RoundTrainer trainer) implements RoundTrainer {

    @Override
    public ExecutedRound execute(RoundSum sum, Consumer<TrainerState> stepped) {
      long start = System.nanoTime();
      ExecutedRound executed = trainer.execute(sum, stepped);
      var timing = executed.outcome().timing();
      EXECUTED.add(
          new Round(
              start,
              System.nanoTime(),
              timing.noiseNanos(),
              timing.updateNanos(),
              executed.outcome().statistics().tokens()));
      return executed;
    }

    @Override
    public TrainerState state() {
      return trainer.state();
    }

    @Override
    public void close() {
      trainer.close();
    }
  }
}
