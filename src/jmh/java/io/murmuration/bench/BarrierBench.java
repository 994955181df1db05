package io.murmuration.bench;

import io.murmuration.contribution.BoundAndSampleOperator;
import io.murmuration.contribution.CohortRecord;
import io.murmuration.contribution.CohortRecordSerializer;
import io.murmuration.contribution.ContributionBounds;
import io.murmuration.event.UserEvent;
import io.murmuration.event.UserEventSerializer;
import io.murmuration.privacy.mechanism.BudgetSignal;
import io.murmuration.privacy.mechanism.BudgetSignalSerializer;
import io.murmuration.privacy.mechanism.RoundMechanism;
import io.murmuration.privacy.mechanism.Sampler;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.SplittableRandom;
import java.util.concurrent.atomic.AtomicLong;
import org.apache.flink.api.common.eventtime.WatermarkStrategy;
import org.apache.flink.api.common.typeinfo.Types;
import org.apache.flink.api.connector.source.util.ratelimit.RateLimiterStrategy;
import org.apache.flink.configuration.CheckpointingOptions;
import org.apache.flink.configuration.Configuration;
import org.apache.flink.configuration.MemorySize;
import org.apache.flink.configuration.RestartStrategyOptions;
import org.apache.flink.configuration.StateBackendOptions;
import org.apache.flink.configuration.TaskManagerOptions;
import org.apache.flink.configuration.WebOptions;
import org.apache.flink.connector.datagen.source.DataGeneratorSource;
import org.apache.flink.connector.datagen.source.GeneratorFunction;
import org.apache.flink.runtime.checkpoint.AbstractCheckpointStats;
import org.apache.flink.runtime.checkpoint.CheckpointStatsSnapshot;
import org.apache.flink.runtime.checkpoint.SubtaskStateStats;
import org.apache.flink.runtime.checkpoint.TaskStateStats;
import org.apache.flink.runtime.executiongraph.AccessExecutionGraph;
import org.apache.flink.runtime.executiongraph.AccessExecutionJobVertex;
import org.apache.flink.runtime.jobgraph.JobGraph;
import org.apache.flink.runtime.minicluster.MiniCluster;
import org.apache.flink.runtime.minicluster.MiniClusterConfiguration;
import org.apache.flink.streaming.api.datastream.KeyedStream;
import org.apache.flink.streaming.api.datastream.SingleOutputStreamOperator;
import org.apache.flink.streaming.api.environment.StreamExecutionEnvironment;
import org.apache.flink.streaming.api.functions.sink.v2.DiscardingSink;

/**
 * How long checkpoint barriers wait for the sampler while every user's timer fires at every tick:
 * the checkpoints of a running job tell.
 */
final class BarrierBench {

  private static final int PARALLELISM = 2;
  private static final long USERS = Long.getLong("bench.users", 1_000_000) / 2;
  private static final int TICKS = 20;
  private static final String SAMPLER = "bound & sample";

  /** Samples everybody at every tick. */
  private static final RoundMechanism MECHANISM =
      new RoundMechanism(Sampler.ULS, /* samplingProbability= */ 1, 1, 1, 1, USERS);

  /** Rounds begin when all users are there. */
  private static final AtomicLong EVENTS = new AtomicLong();

  private static final AtomicLong TICK = new AtomicLong();
  private static final long NOT_YET = -1;

  private BarrierBench() {}

  static void run() throws Exception {
    Configuration configuration = Workload.shippedRocksDb();
    configuration.set(RestartStrategyOptions.RESTART_STRATEGY, "disable");
    configuration.set(StateBackendOptions.STATE_BACKEND, "rocksdb");
    configuration.set(TaskManagerOptions.MANAGED_MEMORY_SIZE, MemorySize.ofMebiBytes(1024));
    configuration.set(CheckpointingOptions.CHECKPOINTING_INTERVAL, Duration.ofMillis(500));
    configuration.set(CheckpointingOptions.CHECKPOINT_STORAGE, "filesystem");
    configuration.set(CheckpointingOptions.CHECKPOINTS_DIRECTORY, BenchFiles.newDirectory());
    configuration.set(CheckpointingOptions.INCREMENTAL_CHECKPOINTS, true);
    configuration.set(WebOptions.CHECKPOINTS_HISTORY_SIZE, 1000);
    JobGraph job = job(configuration);
    try (MiniCluster cluster =
        new MiniCluster(
            new MiniClusterConfiguration.Builder()
                .setConfiguration(configuration)
                .setNumTaskManagers(1)
                .setNumSlotsPerTaskManager(PARALLELISM)
                .build())) {
      cluster.start();
      cluster.submitJob(job).get();
      while (TICK.get() <= TICKS) {
        if (cluster.getJobStatus(job.getJobID()).get().isGloballyTerminalState()) {
          throw new IllegalStateException("The job ended before its ticks were over");
        }
        Thread.sleep(100);
      }
      print(cluster.getExecutionGraph(job.getJobID()).get());
    }
  }

  private static JobGraph job(Configuration configuration) {
    StreamExecutionEnvironment env =
        StreamExecutionEnvironment.getExecutionEnvironment(configuration);
    env.setParallelism(PARALLELISM);
    env.getConfig().enableObjectReuse();
    GeneratorFunction<Long, UserEvent> generator =
        i -> {
          EVENTS.incrementAndGet();
          return Workload.said(Long.toString(i), i, new SplittableRandom(i));
        };
    KeyedStream<UserEvent, String> keyed =
        env.fromSource(
                new DataGeneratorSource<>(
                    generator, USERS, new UserEventSerializer().typeInfo(UserEvent.class)),
                WatermarkStrategy.noWatermarks(),
                "events")
            .keyBy(UserEvent::userId, Types.STRING);
    // a clock that waited would hold the barriers up that it is to measure
    GeneratorFunction<Long, Long> clock =
        pulse -> EVENTS.get() < USERS && pulse > 0 ? NOT_YET : TICK.getAndIncrement();
    SingleOutputStreamOperator<BudgetSignal> budget =
        env.fromSource(
                new DataGeneratorSource<>(
                    clock, Long.MAX_VALUE, RateLimiterStrategy.perSecond(1), Types.LONG),
                WatermarkStrategy.noWatermarks(),
                "clock")
            .setParallelism(1)
            .filter(tick -> tick != NOT_YET)
            .setParallelism(1)
            .transform(
                "privacy budget",
                new BudgetSignalSerializer().typeInfo(BudgetSignal.class),
                new ScriptedBudget(MECHANISM))
            .setParallelism(1);
    keyed
        .connect(budget.broadcast())
        .transform(
            SAMPLER,
            new CohortRecordSerializer().typeInfo(CohortRecord.class),
            new BoundAndSampleOperator(new ContributionBounds(1 << 20, 8, 1)))
        .disableChaining()
        .sinkTo(new DiscardingSink<>());
    return env.getStreamGraph().getJobGraph();
  }

  private static void print(AccessExecutionGraph graph) {
    AccessExecutionJobVertex sampler = null;
    for (AccessExecutionJobVertex vertex : graph.getVerticesTopologically()) {
      sampler = vertex.getName().startsWith(SAMPLER) ? vertex : sampler;
    }
    List<Long> waits = new ArrayList<>();
    CheckpointStatsSnapshot checkpoints = graph.getCheckpointStatsSnapshot();
    for (AbstractCheckpointStats checkpoint : checkpoints.getHistory().getCheckpoints()) {
      TaskStateStats task = checkpoint.getTaskStateStats(sampler.getJobVertexId());
      for (SubtaskStateStats subtask : task.getSubtaskStats()) {
        if (subtask != null && subtask.isCompleted()) {
          waits.add(subtask.getCheckpointStartDelay());
        }
      }
    }
    long[] sorted = waits.stream().mapToLong(Long::longValue).sorted().toArray();
    Workload.print(
        "%,d users, all sampled at each of %d ticks, a tick and two checkpoints a second",
        USERS, TICKS);
    Workload.print(
        "barriers that reached the sampler: %d; they waited: median %d ms, longest %d ms",
        sorted.length, sorted[sorted.length / 2], sorted[sorted.length - 1]);
  }
}
