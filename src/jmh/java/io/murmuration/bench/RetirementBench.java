package io.murmuration.bench;

import com.sun.management.OperatingSystemMXBean;
import io.murmuration.contribution.BoundAndSampleOperator;
import io.murmuration.contribution.CohortRecord;
import io.murmuration.contribution.CohortRecordSerializer;
import io.murmuration.contribution.ContributionBounds;
import io.murmuration.contribution.SamplerIdentity;
import io.murmuration.contribution.UserTurns;
import io.murmuration.event.UserEvent;
import io.murmuration.event.UserPseudonyms;
import io.murmuration.privacy.mechanism.BudgetSignal;
import io.murmuration.privacy.mechanism.EpochStart;
import io.murmuration.privacy.mechanism.Grant;
import io.murmuration.privacy.mechanism.Horizon;
import io.murmuration.privacy.mechanism.InputOffsets;
import io.murmuration.privacy.mechanism.IntakeLimit;
import io.murmuration.privacy.mechanism.PublicClock;
import io.murmuration.privacy.mechanism.RoundMechanism;
import io.murmuration.privacy.mechanism.Sampler;
import java.lang.management.ManagementFactory;
import java.lang.management.ThreadMXBean;
import java.util.ArrayList;
import java.util.Collections;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;
import org.apache.flink.api.common.typeinfo.Types;
import org.apache.flink.configuration.Configuration;
import org.apache.flink.configuration.MemorySize;
import org.apache.flink.core.execution.SavepointFormatType;
import org.apache.flink.runtime.checkpoint.CheckpointType;
import org.apache.flink.runtime.checkpoint.OperatorSubtaskState;
import org.apache.flink.runtime.checkpoint.SavepointType;
import org.apache.flink.runtime.checkpoint.SnapshotType;
import org.apache.flink.runtime.state.storage.FileSystemCheckpointStorage;
import org.apache.flink.state.rocksdb.EmbeddedRocksDBStateBackend;
import org.apache.flink.state.rocksdb.RocksDBOptions;
import org.apache.flink.streaming.api.watermark.Watermark;
import org.apache.flink.streaming.runtime.streamrecord.StreamRecord;
import org.apache.flink.streaming.util.KeyedTwoInputStreamOperatorTestHarness;
import org.apache.flink.util.IOUtils;

/**
 * One subtask on RocksDB whose users come in waves and retire, more and more of them: what the
 * counts that stay weigh, how long a checkpoint and a restore of them take, and what an event costs
 * that is turned away.
 */
final class RetirementBench {

  /** Users who are there at the same time. */
  private static final int WAVE = 10_000;

  private static final int KEY_GROUPS = 128;
  private static final int EXAMPLES_PER_USER = 2;
  private static final int LATE_EVENTS = 50_000;
  private static final long LIFETIME = 2;
  private static final int WARM_UP_TURNS = 500;
  private static final int TURNS = 1_201;

  /** A few milliseconds: whatever else the machine does meets both of a pair. */
  private static final int EVENTS_OF_A_TURN = 250;

  private static final long USERS_COMPARED = 80_000;
  private static final long EPOCH = 1;
  private static final Horizon HORIZON = new Horizon(1, LIFETIME, 1);

  /** Everybody's timer fires at every tick, so that a wave retires with its last round. */
  private static final RoundMechanism MECHANISM =
      new RoundMechanism(Sampler.ULS, /* samplingProbability= */ 1, 8, 1, 1, WAVE);

  /** What of lifetimes is there. */
  private enum Variant {
    PLAIN("without", /* namedBefore= */ false, /* counts= */ false),
    NAMED("ids as long as pseudonyms", true, false),
    NAMED_AND_COUNTED("… and rounds counted", true, true),
    COUNTED("… and pseudonyms made: with lifetimes", false, true);

    private final String meaning;

    /** Whether pseudonyms are made before the time is taken. */
    private final boolean namedBefore;

    private final boolean counts;

    Variant(String meaning, boolean namedBefore, boolean counts) {
      this.meaning = meaning;
      this.namedBefore = namedBefore;
      this.counts = counts;
    }
  }

  private final UserPseudonyms pseudonyms =
      new UserPseudonyms(new byte[UserPseudonyms.MIN_KEY_BYTES]);

  private KeyedTwoInputStreamOperatorTestHarness<String, UserEvent, BudgetSignal, CohortRecord> job;

  private Variant variant = Variant.COUNTED;

  /** Whether ids are UUIDs. */
  private boolean longIds;

  private long offset;
  private long round;
  private long checkpoints;

  private RetirementBench() {}

  static void run() throws Exception {
    Workload.print("(of one subtask, to and from the local disk; in brackets CPU of the process)");
    compare(/* longIds= */ false);
    compare(/* longIds= */ true);
    long most = Long.getLong("bench.users", 1_000_000);
    for (long users = most / 100; users <= most; users *= 10) {
      new RetirementBench().measure(users);
    }
  }

  private void measure(long users) throws Exception {
    OperatorSubtaskState savepoint;
    OperatorSubtaskState checkpoint;
    try (AutoCloseable opened = open(/* state= */ null)) {
      for (long first = 0; first < users; first += WAVE) {
        retire(first, Math.min(WAVE, users - first));
      }
      Workload.print("%,d retired users", users);
      savepoint = write("savepoint", SavepointType.savepoint(SavepointFormatType.CANONICAL), users);
      checkpoint = write("first checkpoint", CheckpointType.CHECKPOINT, users);
      job.notifyOfCompletedCheckpoint(checkpoints);
      retire(users, WAVE);
      write("after %,d more".formatted(WAVE), CheckpointType.CHECKPOINT, users + WAVE);
      turnAway(users);
    }
    restore("savepoint", savepoint);
    restore("checkpoint", checkpoint);
  }

  private void restore(String what, OperatorSubtaskState state) throws Exception {
    Span time = new Span();
    try (AutoCloseable restored = open(state)) {
      Workload.print("  %-20s restored in %s", what, time.millis());
    }
  }

  /** Events of the same users with lifetimes and without, a few of each in turn. */
  private static void compare(boolean longIds) throws Exception {
    Map<Variant, List<Double>> ratios = new EnumMap<>(Variant.class);
    Map<Variant, RetirementBench> jobs = new EnumMap<>(Variant.class);
    List<AutoCloseable> opened = new ArrayList<>();
    try {
      for (Variant variant : Variant.values()) {
        RetirementBench bench = new RetirementBench();
        bench.variant = variant;
        bench.longIds = longIds;
        opened.add(bench.open(/* state= */ null));
        jobs.put(variant, bench);
        ratios.put(variant, new ArrayList<>());
      }
      List<Variant> order = new ArrayList<>(jobs.keySet());
      for (int turn = 0; turn < WARM_UP_TURNS + TURNS; turn++) {
        Collections.rotate(order, 1);
        Map<Variant, Double> nanos = new EnumMap<>(Variant.class);
        for (Variant variant : order) {
          nanos.put(variant, jobs.get(variant).cpuNanosOfATurn());
        }
        if (turn >= WARM_UP_TURNS) {
          nanos.forEach((v, time) -> ratios.get(v).add(nanos.get(Variant.PLAIN) / time));
        }
      }
    } finally {
      IOUtils.closeAll(opened);
    }
    Workload.print(
        "events a second ÷ those without lifetimes, ids of %s characters, by CPU of the task's"
            + " thread: median of %d turns, and quartiles",
        longIds ? "36" : "11 to 15", TURNS);
    ratios.forEach(
        (variant, some) -> {
          some.sort(null);
          Workload.print(
              "  %-50s %.3f, %.2f and %.2f",
              variant.meaning, some.get(TURNS / 2), some.get(TURNS / 4), some.get(3 * TURNS / 4));
        });
  }

  private double cpuNanosOfATurn() throws Exception {
    List<UserEvent> events = new ArrayList<>();
    for (int i = 0; i < EVENTS_OF_A_TURN; i++) {
      UserEvent event = Workload.event(offset + i, USERS_COMPARED);
      event = longIds ? Workload.underUuid(event) : event;
      events.add(variant.namedBefore ? event.of(pseudonyms.of(event.userId())) : event);
    }
    ThreadMXBean threads = ManagementFactory.getThreadMXBean();
    long start = threads.getCurrentThreadCpuTime();
    for (int i = 0; i < EVENTS_OF_A_TURN; i++) {
      UserEvent event = events.get(i);
      if (variant == Variant.COUNTED) {
        event = event.of(pseudonyms.of(event.userId()));
      }
      job.processElement1(new StreamRecord<>(variant.counts ? event.at(0, offset) : event));
      offset++;
    }
    return threads.getCurrentThreadCpuTime() - start;
  }

  private AutoCloseable open(OperatorSubtaskState state) throws Exception {
    job =
        new KeyedTwoInputStreamOperatorTestHarness<>(
            new BoundAndSampleOperator(
                new ContributionBounds(1 << 20, 8, 1),
                variant.counts ? new SamplerIdentity("key", "rules", 1) : null,
                UserTurns.NONE,
                /* privateMetrics= */ false),
            UserEvent::userId,
            null,
            Types.STRING,
            KEY_GROUPS,
            1,
            0);
    Configuration configuration = new Configuration();
    configuration.addAll(Workload.shippedRocksDb());
    configuration.set(RocksDBOptions.FIX_PER_SLOT_MEMORY_SIZE, MemorySize.ofMebiBytes(512));
    job.setStateBackend(
        new EmbeddedRocksDBStateBackend(/* enableIncrementalCheckpointing= */ true)
            .configure(configuration, RetirementBench.class.getClassLoader()));
    job.setCheckpointStorage(new FileSystemCheckpointStorage(BenchFiles.newDirectory()));
    job.setup(new CohortRecordSerializer());
    if (state == null) {
      job.open();
      signal(
          variant.counts
              ? new EpochStart(EPOCH, 0, 0, 0, HORIZON, input())
              : new EpochStart(EPOCH, 0));
    } else {
      job.initializeState(state);
      job.open();
    }
    return job;
  }

  private void retire(long first, long users) throws Exception {
    arrive(first, users);
    for (int i = 0; i < LIFETIME; i++) {
      round();
    }
  }

  private void arrive(long first, long users) throws Exception {
    for (long i = 0; i < EXAMPLES_PER_USER * users; i++) {
      says(first + i % users);
    }
  }

  private void says(long user) throws Exception {
    UserEvent event = Workload.said(Long.toString(user), offset, new SplittableRandom(offset));
    job.processElement1(
        new StreamRecord<>(event.of(pseudonyms.of(event.userId())).at(0, offset++)));
  }

  /** Grants a round and fires its timers, slice by slice, until its watermark is out. */
  private void round() throws Exception {
    long tick = round++;
    signal(new IntakeLimit(EPOCH, round, input()));
    signal(
        new Grant(EPOCH, round, tick, 1, MECHANISM, 0.1, 1e-6, "", PublicClock.UNKNOWN, HORIZON));
    Watermark end = new Watermark(tick);
    job.processWatermark2(end);
    long now = job.getProcessingTime();
    while (!job.getOutput().contains(end)) {
      now += 1000;
      job.setProcessingTime(now);
      if (!job.getOutput().contains(end)) {
        job.getOutput().clear();
      }
    }
    job.getOutput().clear();
  }

  private void signal(BudgetSignal signal) throws Exception {
    job.processElement2(new StreamRecord<>(signal));
  }

  private InputOffsets input() {
    return new InputOffsets("cluster", "topic", List.of(0L), List.of(offset));
  }

  private OperatorSubtaskState write(String what, SnapshotType type, long users) throws Exception {
    Span time = new Span();
    OperatorSubtaskState state =
        job.snapshotWithLocalState(++checkpoints, checkpoints, type).getJobManagerOwnedState();
    Workload.print(
        "  %-20s %8.1f MB, %.0f bytes a user, of which %.1f MB were written in %s",
        what,
        state.getStateSize() / 1e6,
        (double) state.getStateSize() / users,
        state.getCheckpointedSize() / 1e6,
        time.millis());
    return state;
  }

  private void turnAway(long users) throws Exception {
    SplittableRandom random = new SplittableRandom(users);
    for (int i = 0; i < LATE_EVENTS; i++) {
      says(random.nextLong(users)); // Java and RocksDB warm up
    }
    Span late = new Span();
    for (int i = 0; i < LATE_EVENTS; i++) {
      says(random.nextLong(users));
    }
    String ofRetired = late.micros(LATE_EVENTS);
    Span first = new Span();
    for (int i = 0; i < LATE_EVENTS; i++) {
      says(users + 2L * WAVE + i);
    }
    Workload.print(
        "  an event of somebody retired %s, a newcomer's %s", ofRetired, first.micros(LATE_EVENTS));
  }

  /** From now on: by the clock, and the CPU time of the process. */
  private static final class Span {
    private static final OperatingSystemMXBean PROCESS =
        (OperatingSystemMXBean) ManagementFactory.getOperatingSystemMXBean();

    private final long startNanos = System.nanoTime();
    private final long startCpuNanos = PROCESS.getProcessCpuTime();

    String millis() {
      return "%,.0f ms (%,.0f ms)".formatted(nanos() / 1e6, cpuNanos() / 1e6);
    }

    String micros(int parts) {
      return "%.1f µs (%.1f µs)".formatted(nanos() / 1e3 / parts, cpuNanos() / 1e3 / parts);
    }

    private double nanos() {
      return System.nanoTime() - startNanos;
    }

    private double cpuNanos() {
      return PROCESS.getProcessCpuTime() - startCpuNanos;
    }
  }
}
