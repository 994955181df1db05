package io.murmuration.job;

import io.murmuration.config.MurmurationConfig;
import io.murmuration.demo.DemoModel;
import io.murmuration.demo.SyntheticEvent;
import io.murmuration.demo.SyntheticStream;
import io.murmuration.event.RawRecord;
import io.murmuration.event.RawRecordSerializer;
import io.murmuration.privacy.budget.BudgetObserver;
import io.murmuration.privacy.budget.BudgetObservers;
import io.murmuration.privacy.budget.InMemoryRoundFeedback;
import io.murmuration.privacy.budget.RoundFeedback;
import io.murmuration.privacy.ledger.HaltReason;
import io.murmuration.privacy.mechanism.Grant;
import io.murmuration.privacy.mechanism.ModelVersion;
import io.murmuration.privacy.mechanism.RoundExecuted;
import io.murmuration.release.DirectoryModelStore;
import io.murmuration.release.PublishSink;
import io.murmuration.rounds.ModelGradients;
import io.murmuration.rounds.ModelRoundTrainer;
import io.murmuration.training.ClippedAccumulator;
import io.murmuration.training.ClippedSum;
import io.murmuration.training.GradientEngine;
import io.murmuration.training.GradientOperator;
import io.murmuration.training.GradientSource;
import io.murmuration.training.InMemoryParameterStore;
import io.murmuration.training.LearningRateSchedule;
import io.murmuration.training.OptimizerOptions;
import io.murmuration.training.ParameterLayout;
import io.murmuration.training.PartialSums.RoundSum;
import io.murmuration.training.PrivacySlice;
import io.murmuration.training.PublicWatch;
import io.murmuration.training.RoundGrid;
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
import java.util.Optional;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;
import java.util.stream.IntStream;
import org.apache.flink.api.connector.source.util.ratelimit.RateLimiterStrategy;
import org.apache.flink.configuration.Configuration;
import org.apache.flink.connector.datagen.source.DataGeneratorSource;
import org.apache.flink.connector.datagen.source.GeneratorFunction;
import org.apache.flink.core.execution.JobClient;
import org.apache.flink.streaming.api.environment.StreamExecutionEnvironment;
import org.apache.flink.streaming.api.functions.sink.v2.DiscardingSink;

/**
 * Where the wall time between two rounds of the demo's model goes, part by part. The whole job in
 * one process, without a broker, its rounds as close as they can be.
 *
 * <p>{@code bench.set} changes settings: {@code key=value[,key=value...]}.
 */
public final class RoundTimesBench {

  private static final int USERS = 500;
  private static final int WARM_UP_ROUNDS = 5;
  private static final int ROUNDS = 12;
  private static final String DOMAIN = "bench";

  /** Parts of a round, in their order, each until the next begins. */
  private enum Part {
    SAMPLING("grant to the first gradient: sampling, the samples' way"),
    GRADIENTS("gradients, clipping, sum"),
    PARTIALS("last gradient to train: the partial sum's way"),
    NOISE("noise"),
    UPDATE("optimizer"),
    TRIAL("public text at the new model, the release's weights"),
    ACKNOWLEDGEMENT("release and parameters on their way, acknowledgement"),
    CHARGE("to the next grant: tick, checkpoint, ledger");

    private final String text;

    Part(String text) {
      this.text = text;
    }
  }

  /** Moments of a round, in nanoseconds; all of it runs in this process. */
  private static final class Round {
    private volatile long granted;
    private volatile long firstGradient;
    private volatile long lastGradient;
    private volatile long trainBegins;
    private volatile long trainEnds;
    private volatile long noiseNanos;
    private volatile long updateNanos;
    private volatile long acknowledged;
    private volatile long tokens;

    long of(Part part, Round next) {
      return switch (part) {
        case SAMPLING -> firstGradient - granted;
        case GRADIENTS -> lastGradient - firstGradient;
        case PARTIALS -> trainBegins - lastGradient;
        case NOISE -> noiseNanos;
        case UPDATE -> updateNanos;
        case TRIAL -> trainEnds - trainBegins - noiseNanos - updateNanos;
        case ACKNOWLEDGEMENT -> acknowledged - trainEnds;
        case CHARGE -> next.granted - acknowledged;
      };
    }
  }

  private static final Map<Long, Round> BY_NUMBER = new ConcurrentHashMap<>();
  private static final BlockingQueue<Round> BEGUN = new LinkedBlockingQueue<>();

  /** Of the round in flight, there being one at most. */
  private static volatile long firstGradient;

  private static volatile long lastGradient;

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
    Round[] rounds = new Round[WARM_UP_ROUNDS + ROUNDS + 1];
    try (BudgetObservers.Registration budget = BudgetObservers.observe(DOMAIN, new Granted());
        RoundFeedback.Subscription train =
            new InMemoryRoundFeedback(DOMAIN).subscribe(new Acknowledged())) {
      JobClient job = env.executeAsync("round bench");
      for (int i = 0; i < rounds.length; i++) {
        rounds[i] = BEGUN.poll(5, TimeUnit.MINUTES);
        if (rounds[i] == null) {
          throw new IllegalStateException("No round within 5 minutes: " + job.getJobStatus().get());
        }
      }
      job.cancel().get(1, TimeUnit.MINUTES);
    }
    print(rounds);
  }

  private static void print(Round[] rounds) {
    double[] wall = new double[ROUNDS];
    Arrays.setAll(
        wall, i -> rounds[WARM_UP_ROUNDS + i + 1].granted - rounds[WARM_UP_ROUNDS + i].granted);
    double all = Arrays.stream(wall).sum();
    System.out.println(
        String.format(
            Locale.ROOT,
            "demo's model in the job: %.0f ms from round to round, %.0f trained tokens each",
            median(wall) / 1e6,
            median(
                IntStream.range(0, ROUNDS)
                    .mapToDouble(i -> rounds[WARM_UP_ROUNDS + i].tokens)
                    .toArray())));
    for (Part part : Part.values()) {
      double[] nanos = new double[ROUNDS];
      Arrays.setAll(
          nanos, i -> rounds[WARM_UP_ROUNDS + i].of(part, rounds[WARM_UP_ROUNDS + i + 1]));
      System.out.println(
          String.format(
              Locale.ROOT,
              "  %-58s %8.1f ms %5.1f %%",
              part.text,
              median(nanos) / 1e6,
              100 * Arrays.stream(nanos).sum() / all));
    }
  }

  private static double median(double[] values) {
    double[] sorted = values.clone();
    Arrays.sort(sorted);
    return (sorted[(sorted.length - 1) / 2] + sorted[sorted.length / 2]) / 2;
  }

  /** When the privacy budget grants. */
  private static final class Granted implements BudgetObserver {

    @Override
    public void granted(Grant grant) {
      Round round = new Round();
      round.granted = System.nanoTime();
      BY_NUMBER.put(grant.round(), round);
      BEGUN.add(round);
    }

    @Override
    public void halted(HaltReason reason, long round, double epsilonSpent) {
      throw new IllegalStateException("halted after round %d: %s".formatted(round, reason));
    }

    @Override
    public void waiting(String why) {
      System.out.println("waiting for " + why);
    }
  }

  /** Notes when train acknowledges. */
  private static final class Acknowledged implements RoundFeedback.Listener {

    @Override
    public void announced(ModelVersion model) {
      // early, and again with the acknowledgement
    }

    @Override
    public void executed(RoundExecuted executed) {
      BY_NUMBER.get(executed.round()).acknowledged = System.nanoTime();
    }

    @Override
    public void failed(Throwable failure) {
      throw new IllegalStateException(failure);
    }
  }

  private static MurmurationConfig config(Path directory) throws IOException {
    Map<String, String> settings = new HashMap<>();
    settings.put("privacy.domain", DOMAIN);
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
    for (String setting : System.getProperty("bench.set", "").split(",")) {
      int equals = setting.indexOf('=');
      if (equals > 0) {
        settings.put(setting.substring(0, equals), setting.substring(equals + 1));
      }
    }
    return MurmurationConfig.of(settings);
  }

  private static MurmurationTopology topology(MurmurationConfig config) {
    MurmurationTopology job = MurmurationJob.topology(config, ConfiguredPhases.of(config));
    ConfiguredReleases releases = ConfiguredReleases.of(config);
    String domain = config.privacy().domain();
    GradientSource.Factory gradients = ModelGradients.factory(config.training());
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
        new GradientOperator.Factory(
            () -> new TimedSource(gradients.open()),
            () -> new InMemoryParameterStore(domain),
            config.training().sampleBufferBytes(),
            /* privateMetrics= */ false),
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
        job.lifetimes(),
        job.turns());
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

  private record TimedSource(GradientSource source) implements GradientSource {

    @Override
    public GradientEngine engine(float[] frozen) {
      return new TimedEngine(source.engine(frozen));
    }

    @Override
    public PublicWatch watch(GradientEngine engine) {
      return source.watch(engine);
    }

    @Override
    public void close() {
      source.close();
    }
  }

  private record TimedEngine(GradientEngine engine) implements GradientEngine {

    @Override
    public ParameterLayout layout() {
      return engine.layout();
    }

    @Override
    public float[] initialParameters() {
      return engine.initialParameters();
    }

    @Override
    public ClippedSum clippedSum(float[] parameters, List<PrivacySlice> slices, RoundGrid grid) {
      return engine.clippedSum(parameters, slices, grid);
    }

    @Override
    public void addTo(ClippedAccumulator sum, float[] parameters, List<PrivacySlice> slices) {
      if (firstGradient == 0) {
        firstGradient = System.nanoTime();
      }
      engine.addTo(sum, parameters, slices);
      lastGradient = System.nanoTime();
    }

    @Override
    public double[] norms(float[] parameters, List<PrivacySlice> slices) {
      return engine.norms(parameters, slices);
    }

    @Override
    public Optional<double[]> gradient(float[] parameters, PrivacySlice slice) {
      return engine.gradient(parameters, slice);
    }

    @Override
    public void close() {
      engine.close();
    }
  }

  private record Timed(RoundTrainer trainer) implements RoundTrainer {

    @Override
    public ExecutedRound execute(RoundSum sum, Consumer<TrainerState> stepped) {
      Round round = BY_NUMBER.get(sum.grant().round());
      round.trainBegins = System.nanoTime();
      round.firstGradient = firstGradient;
      round.lastGradient = lastGradient;
      firstGradient = 0;
      ExecutedRound executed = trainer.execute(sum, stepped);
      round.noiseNanos = executed.outcome().timing().noiseNanos();
      round.updateNanos = executed.outcome().timing().updateNanos();
      round.tokens = executed.outcome().statistics().tokens();
      round.trainEnds = System.nanoTime();
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
