package io.murmuration.bench;

import io.murmuration.contribution.BoundAndSampleOperator;
import io.murmuration.contribution.ContributionBounds;
import io.murmuration.contribution.PooledExample;
import io.murmuration.contribution.PooledExampleSerializer;
import io.murmuration.contribution.UserSample;
import io.murmuration.contribution.UserSampleSerializer;
import io.murmuration.event.UserEvent;
import io.murmuration.event.UserEventSerializer;
import io.murmuration.privacy.budget.BudgetSignal;
import java.util.Locale;
import java.util.SplittableRandom;
import org.apache.flink.api.common.eventtime.WatermarkStrategy;
import org.apache.flink.api.common.functions.OpenContext;
import org.apache.flink.api.common.state.MapState;
import org.apache.flink.api.common.state.MapStateDescriptor;
import org.apache.flink.api.common.state.ValueState;
import org.apache.flink.api.common.state.ValueStateDescriptor;
import org.apache.flink.api.common.typeinfo.Types;
import org.apache.flink.api.common.typeutils.base.IntSerializer;
import org.apache.flink.configuration.Configuration;
import org.apache.flink.configuration.MemorySize;
import org.apache.flink.configuration.StateBackendOptions;
import org.apache.flink.configuration.TaskManagerOptions;
import org.apache.flink.connector.datagen.source.DataGeneratorSource;
import org.apache.flink.connector.datagen.source.GeneratorFunction;
import org.apache.flink.streaming.api.datastream.KeyedStream;
import org.apache.flink.streaming.api.datastream.SingleOutputStreamOperator;
import org.apache.flink.streaming.api.environment.StreamExecutionEnvironment;
import org.apache.flink.streaming.api.functions.KeyedProcessFunction;
import org.apache.flink.streaming.api.functions.sink.v2.DiscardingSink;
import org.apache.flink.util.Collector;

/**
 * Events per second through bound & sample, against a bare ring in map state of the same size.
 *
 * <p>Arguments: state backend ({@code rocksdb} or {@code hashmap}), events, users, parallelism.
 * Prints one line a variant. Compare the lines of one run only; the first one warms the virtual
 * machine up.
 */
public final class IngestBench {

  private static final int POOL = 16;
  private static final int TEXT_CHARS = 200;
  private static final long WINDOW_TICKS = 1 << 20;

  private enum Variant {
    WARM_UP,
    SHUFFLE_ONLY,
    RING,
    BOUND_AND_SAMPLE
  }

  private IngestBench() {}

  /** Runs every variant once. */
  public static void main(String[] args) throws Exception {
    String backend = args[0];
    long events = Long.parseLong(args[1]);
    long users = Long.parseLong(args[2]);
    int parallelism = Integer.parseInt(args[3]);
    double ring = Double.NaN;
    for (Variant variant : Variant.values()) {
      double rate = run(variant, backend, events, users, parallelism);
      ring = variant == Variant.RING ? rate : ring;
      System.out.println(
          String.format(Locale.ROOT, "%-8s %-16s %,12.0f events/s", backend, variant, rate));
      if (variant == Variant.BOUND_AND_SAMPLE) {
        System.out.println(String.format(Locale.ROOT, "bound & sample ÷ ring: %.2f", rate / ring));
      }
    }
  }

  private static double run(
      Variant variant, String backend, long events, long users, int parallelism) throws Exception {
    Configuration configuration = new Configuration();
    configuration.set(StateBackendOptions.STATE_BACKEND, backend);
    configuration.set(TaskManagerOptions.MANAGED_MEMORY_SIZE, MemorySize.ofMebiBytes(1024));
    StreamExecutionEnvironment env =
        StreamExecutionEnvironment.createLocalEnvironment(parallelism, configuration);
    env.getConfig().enableObjectReuse();
    GeneratorFunction<Long, UserEvent> generator = i -> event(i, users);
    KeyedStream<UserEvent, String> keyed =
        env.fromSource(
                new DataGeneratorSource<>(
                    generator, events, new UserEventSerializer().typeInfo(UserEvent.class)),
                WatermarkStrategy.noWatermarks(),
                "events")
            .keyBy(UserEvent::userId, Types.STRING);
    SingleOutputStreamOperator<UserSample> samples =
        switch (variant) {
          case SHUFFLE_ONLY -> keyed.process(new Drop());
          case WARM_UP, RING -> keyed.process(new Ring());
          case BOUND_AND_SAMPLE -> boundAndSample(env, keyed);
        };
    samples
        .returns(new UserSampleSerializer().typeInfo(UserSample.class))
        .sinkTo(new DiscardingSink<>());
    long start = System.nanoTime();
    env.execute(variant.name());
    return events * 1e9 / (System.nanoTime() - start);
  }

  private static SingleOutputStreamOperator<UserSample> boundAndSample(
      StreamExecutionEnvironment env, KeyedStream<UserEvent, String> keyed) {
    SingleOutputStreamOperator<BudgetSignal> budget =
        env.fromData(0L)
            .transform(
                "one grant, then nothing",
                new BenchBudget.Signals().typeInfo(BudgetSignal.class),
                new BenchBudget())
            .setParallelism(1);
    return keyed
        .connect(budget.broadcast())
        .transform(
            "bound & sample",
            new UserSampleSerializer().typeInfo(UserSample.class),
            new BoundAndSampleOperator(new ContributionBounds(WINDOW_TICKS, POOL, 1)));
  }

  /** Activity falls off with the square of the rank. */
  private static UserEvent event(long i, long users) {
    SplittableRandom random = new SplittableRandom(i);
    double uniform = random.nextDouble();
    long user = (long) (users * uniform * uniform);
    char[] text = new char[TEXT_CHARS];
    for (int c = 0; c < TEXT_CHARS; c += 8) {
      long bits = random.nextLong();
      for (int j = 0; j < 8 && c + j < TEXT_CHARS; j++) {
        text[c + j] = (char) ('a' + (bits >>> 8 * j & 15));
      }
    }
    return UserEvent.interaction("user-" + user, "e" + i, i, null, new String(text));
  }

  private static final class Drop extends KeyedProcessFunction<String, UserEvent, UserSample> {
    private static final long serialVersionUID = 1L;

    @Override
    public void processElement(UserEvent event, Context context, Collector<UserSample> out) {}
  }

  /** Keeps the newest examples: one counter and one map entry an event. */
  private static final class Ring extends KeyedProcessFunction<String, UserEvent, UserSample> {
    private static final long serialVersionUID = 1L;
    private transient ValueState<Integer> count;
    private transient MapState<Integer, PooledExample> ring;

    @Override
    public void open(OpenContext context) {
      count =
          getRuntimeContext().getState(new ValueStateDescriptor<>("count", IntSerializer.INSTANCE));
      ring =
          getRuntimeContext()
              .getMapState(
                  new MapStateDescriptor<>(
                      "ring", IntSerializer.INSTANCE, new PooledExampleSerializer()));
    }

    @Override
    public void processElement(UserEvent event, Context context, Collector<UserSample> out)
        throws Exception {
      Integer seen = count.value();
      int n = seen == null ? 0 : seen;
      ring.put(n % POOL, new PooledExample(event.eventTimeMillis(), event.prompt(), event.text()));
      count.update(n + 1);
    }
  }
}
