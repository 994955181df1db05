package io.murmuration.bench;

import io.murmuration.bench.Workload.Rate;
import io.murmuration.bench.Workload.StopWatch;
import io.murmuration.contribution.BoundAndSampleOperator;
import io.murmuration.contribution.CohortRecord;
import io.murmuration.contribution.CohortRecordSerializer;
import io.murmuration.contribution.ContributionBounds;
import io.murmuration.contribution.PooledExample;
import io.murmuration.contribution.PooledExampleSerializer;
import io.murmuration.event.UserEvent;
import io.murmuration.event.UserEventSerializer;
import io.murmuration.privacy.mechanism.BudgetSignal;
import io.murmuration.privacy.mechanism.BudgetSignalSerializer;
import io.murmuration.privacy.mechanism.RoundMechanism;
import io.murmuration.privacy.mechanism.Sampler;
import java.time.Duration;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.function.ToDoubleFunction;
import org.apache.flink.api.common.eventtime.WatermarkStrategy;
import org.apache.flink.api.common.functions.OpenContext;
import org.apache.flink.api.common.state.MapState;
import org.apache.flink.api.common.state.MapStateDescriptor;
import org.apache.flink.api.common.state.ValueState;
import org.apache.flink.api.common.state.ValueStateDescriptor;
import org.apache.flink.api.common.typeinfo.Types;
import org.apache.flink.api.common.typeutils.base.IntSerializer;
import org.apache.flink.configuration.CheckpointingOptions;
import org.apache.flink.configuration.Configuration;
import org.apache.flink.configuration.MemorySize;
import org.apache.flink.configuration.RestartStrategyOptions;
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
 * Events per second through bound & sample against a bare ring in map state of the same size:
 * source, shuffle and all, on one or two subtasks.
 */
final class ThroughputBench {

  static final int POOL = 16;
  static final long WINDOW_TICKS = 1 << 20;
  private static final int USERS_PER_HUNDRED_EVENTS = 20;
  private static final int TURNS = 3;

  /** The one of the job that is running; jobs run one after the other. */
  private static volatile StopWatch stopWatch;

  private enum Variant {
    SHUFFLE_ONLY,
    RING,
    ULS,
    ELS
  }

  /** Where a variant runs. */
  private record Setting(
      String name, String backend, int parallelism, long events, Duration checkpoints) {}

  private ThroughputBench() {}

  static void run() throws Exception {
    Workload.print("(events/s by the clock; CPU µs of the whole process per event)");
    long events = Long.getLong("bench.events", 600_000);
    Setting rocksDb = new Setting("RocksDB", "rocksdb", 2, events, null);
    compare(rocksDb, Variant.values());
    compare(
        new Setting(
            "RocksDB, checkpoint every 5 s", "rocksdb", 2, 2 * events, Duration.ofSeconds(5)),
        Variant.RING,
        Variant.ULS);
    compare(new Setting("heap", "hashmap", 2, 2 * events, null), Variant.values());
    compare(
        new Setting("RocksDB, parallelism 1", "rocksdb", 1, events, null),
        Variant.RING,
        Variant.ULS);
  }

  private static void compare(Setting setting, Variant... variants) throws Exception {
    Map<Variant, List<Rate>> rates = new EnumMap<>(Variant.class);
    measure(variants[variants.length - 1], setting);
    for (int turn = 0; turn < TURNS; turn++) {
      for (Variant variant : variants) {
        rates.computeIfAbsent(variant, v -> new ArrayList<>()).add(measure(variant, setting));
      }
    }
    double ring = median(rates.get(Variant.RING), Rate::eventsPerSecond);
    double ringCpu = median(rates.get(Variant.RING), Rate::cpuMicros);
    for (Variant variant : variants) {
      double rate = median(rates.get(variant), Rate::eventsPerSecond);
      double cpu = median(rates.get(variant), Rate::cpuMicros);
      Workload.print(
          "%-30s %-12s %,9.0f events/s %6.1f µs  ÷ ring: %.2f by the clock, %.2f by CPU",
          setting.name(), variant, rate, cpu, rate / ring, ringCpu / cpu);
    }
  }

  private static double median(List<Rate> rates, ToDoubleFunction<Rate> quantity) {
    double[] sorted = rates.stream().mapToDouble(quantity).sorted().toArray();
    return sorted[sorted.length / 2];
  }

  private static Rate measure(Variant variant, Setting setting) throws Exception {
    Configuration configuration = Workload.shippedRocksDb();
    configuration.set(RestartStrategyOptions.RESTART_STRATEGY, "disable");
    configuration.set(StateBackendOptions.STATE_BACKEND, setting.backend());
    configuration.set(TaskManagerOptions.MANAGED_MEMORY_SIZE, MemorySize.ofMebiBytes(1024));
    if (setting.checkpoints() != null) {
      configuration.set(CheckpointingOptions.CHECKPOINTING_INTERVAL, setting.checkpoints());
      configuration.set(CheckpointingOptions.CHECKPOINT_STORAGE, "filesystem");
      configuration.set(CheckpointingOptions.CHECKPOINTS_DIRECTORY, BenchFiles.newDirectory());
      configuration.set(CheckpointingOptions.INCREMENTAL_CHECKPOINTS, true);
    }
    stopWatch = new StopWatch(setting.events());
    try (StreamExecutionEnvironment env =
        StreamExecutionEnvironment.createLocalEnvironment(setting.parallelism(), configuration)) {
      env.getConfig().enableObjectReuse();
      long users = setting.events() * USERS_PER_HUNDRED_EVENTS / 100;
      GeneratorFunction<Long, UserEvent> generator = i -> Workload.event(i, users);
      KeyedStream<UserEvent, String> keyed =
          env.fromSource(
                  new DataGeneratorSource<>(
                      generator,
                      setting.events(),
                      new UserEventSerializer().typeInfo(UserEvent.class)),
                  WatermarkStrategy.noWatermarks(),
                  "events")
              .map(ThroughputBench::counted)
              .returns(new UserEventSerializer().typeInfo(UserEvent.class))
              .keyBy(UserEvent::userId, Types.STRING);
      SingleOutputStreamOperator<CohortRecord> samples =
          switch (variant) {
            case SHUFFLE_ONLY -> keyed.process(new Drop());
            case RING -> keyed.process(new Ring());
            case ULS -> boundAndSample(env, keyed, Sampler.ULS);
            case ELS -> boundAndSample(env, keyed, Sampler.ELS);
          };
      samples
          .returns(new CohortRecordSerializer().typeInfo(CohortRecord.class))
          .sinkTo(new DiscardingSink<>());
      env.execute(variant.name());
    }
    return stopWatch.rate();
  }

  private static UserEvent counted(UserEvent event) {
    stopWatch.count();
    return event;
  }

  private static SingleOutputStreamOperator<CohortRecord> boundAndSample(
      StreamExecutionEnvironment env, KeyedStream<UserEvent, String> keyed, Sampler sampler) {
    SingleOutputStreamOperator<BudgetSignal> budget =
        env.fromData(0L)
            .transform(
                "one grant, then nothing",
                new BudgetSignalSerializer().typeInfo(BudgetSignal.class),
                new ScriptedBudget(new RoundMechanism(sampler, 0.001, POOL, 1, 1, 1000)))
            .setParallelism(1);
    return keyed
        .connect(budget.broadcast())
        .transform(
            "bound & sample",
            new CohortRecordSerializer().typeInfo(CohortRecord.class),
            new BoundAndSampleOperator(new ContributionBounds(WINDOW_TICKS, POOL, 1)));
  }

  private static final class Drop extends KeyedProcessFunction<String, UserEvent, CohortRecord> {
    private static final long serialVersionUID = 1L;

    @Override
    public void processElement(UserEvent event, Context context, Collector<CohortRecord> out) {}
  }

  /** Keeps the newest examples: one counter and one map entry an event. */
  static final class Ring extends KeyedProcessFunction<String, UserEvent, CohortRecord> {
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
    public void processElement(UserEvent event, Context context, Collector<CohortRecord> out)
        throws Exception {
      Integer seen = count.value();
      int n = seen == null ? 0 : seen;
      ring.put(n % POOL, new PooledExample(event.eventTimeMillis(), event.prompt(), event.text()));
      count.update(n + 1);
    }
  }
}
