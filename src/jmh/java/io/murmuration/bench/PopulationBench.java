package io.murmuration.bench;

import io.murmuration.contribution.BoundAndSampleOperator;
import io.murmuration.contribution.CohortRecord;
import io.murmuration.contribution.CohortRecordSerializer;
import io.murmuration.contribution.ContributionBounds;
import io.murmuration.contribution.UserPool;
import io.murmuration.contribution.UserPoolSerializer;
import io.murmuration.event.UserEvent;
import io.murmuration.privacy.mechanism.BudgetSignal;
import io.murmuration.privacy.mechanism.RoundMechanism;
import io.murmuration.privacy.mechanism.Sampler;
import java.lang.management.ManagementFactory;
import java.lang.management.ThreadMXBean;
import java.util.SplittableRandom;
import org.apache.flink.api.common.state.ValueStateDescriptor;
import org.apache.flink.api.common.typeinfo.Types;
import org.apache.flink.configuration.Configuration;
import org.apache.flink.configuration.MemorySize;
import org.apache.flink.runtime.state.KeyedStateBackend;
import org.apache.flink.runtime.state.VoidNamespace;
import org.apache.flink.runtime.state.VoidNamespaceSerializer;
import org.apache.flink.runtime.state.storage.FileSystemCheckpointStorage;
import org.apache.flink.state.rocksdb.EmbeddedRocksDBStateBackend;
import org.apache.flink.state.rocksdb.RocksDBOptions;
import org.apache.flink.streaming.api.watermark.Watermark;
import org.apache.flink.streaming.runtime.streamrecord.StreamRecord;
import org.apache.flink.streaming.util.KeyedTwoInputStreamOperatorTestHarness;

/**
 * One subtask on RocksDB with more and more users: what an event, a round at q = 0.01 and a user's
 * state cost in processor time, and what a scan over all users would, which is what a coin per user
 * and round needs.
 */
final class PopulationBench {

  private static final ThreadMXBean THREADS = ManagementFactory.getThreadMXBean();
  private static final double Q = 0.01;
  private static final int ROUNDS = 10;
  private static final int EVENTS_AT_ONCE = 1000;
  private static final int KEY_GROUPS = 128;
  private static final int EXAMPLES_PER_USER = 2;
  private static final long EXTRAPOLATED_USERS = 10_000_000;
  private static final RoundMechanism MECHANISM =
      new RoundMechanism(Sampler.ULS, Q, /* groupSize= */ 8, 1, 1, 1000);

  /** One size of the population. */
  private record Row(
      long users, double microsPerEvent, double roundMillis, double scanMillis, double bytes) {

    void print(String mark) {
      Workload.print(
          "%,12d %10.1f %12.1f %12.1f %10.3f %14.0f %s",
          users, microsPerEvent, roundMillis, scanMillis, roundMillis / scanMillis, bytes, mark);
    }
  }

  private PopulationBench() {}

  static void run() throws Exception {
    Workload.print(
        "%12s %10s %12s %12s %10s %14s",
        "users", "µs/event", "round ms", "scan ms", "ratio", "bytes/user");
    long largest = Long.getLong("bench.users", 1_000_000);
    Row last = null;
    for (long users = 10_000; users <= largest; users *= 10) {
      last = measure(users);
      last.print("");
    }
    if (last != null && last.users() < EXTRAPOLATED_USERS) {
      double factor = (double) EXTRAPOLATED_USERS / last.users();
      new Row(
              EXTRAPOLATED_USERS,
              last.microsPerEvent(),
              last.roundMillis() * factor,
              last.scanMillis() * factor,
              last.bytes())
          .print("extrapolated: linear in the users of one subtask");
    }
  }

  private static Row measure(long users) throws Exception {
    BoundAndSampleOperator operator =
        new BoundAndSampleOperator(new ContributionBounds(1 << 20, 8, 1));
    try (KeyedTwoInputStreamOperatorTestHarness<String, UserEvent, BudgetSignal, CohortRecord> job =
        new KeyedTwoInputStreamOperatorTestHarness<>(
            operator, UserEvent::userId, null, Types.STRING, KEY_GROUPS, 1, 0)) {
      job.setStateBackend(backend());
      job.setCheckpointStorage(new FileSystemCheckpointStorage(BenchFiles.newDirectory()));
      job.setup(new CohortRecordSerializer());
      job.open();
      job.processElement2(new StreamRecord<>(ScriptedBudget.epoch()));
      round(job, 0);
      double microsPerEvent = fill(job, users);
      // the first round of a process is not like the others
      for (long tick = 1; tick <= ROUNDS; tick++) {
        round(job, tick);
      }
      job.getOutput().clear();
      double rounds = 0;
      long sampled = 0;
      for (long tick = ROUNDS + 1; tick <= 2 * ROUNDS; tick++) {
        long start = cpuNanos();
        round(job, tick);
        rounds += cpuNanos() - start;
        sampled += job.getOutput().size() - 1;
        job.getOutput().clear();
      }
      requireNear(users * Q, (double) sampled / ROUNDS);
      scan(operator.getKeyedStateBackend());
      double scan = scan(operator.getKeyedStateBackend());
      double bytes = (double) job.snapshot(1, 1).getStateSize() / users;
      return new Row(users, microsPerEvent, rounds / ROUNDS / 1e6, scan / 1e6, bytes);
    }
  }

  /** 512 MiB of RocksDB, otherwise as shipped. */
  static EmbeddedRocksDBStateBackend backend() {
    Configuration configuration = Workload.shippedRocksDb();
    configuration.set(RocksDBOptions.FIX_PER_SLOT_MEMORY_SIZE, MemorySize.ofMebiBytes(512));
    return new EmbeddedRocksDBStateBackend()
        .configure(configuration, PopulationBench.class.getClassLoader());
  }

  /** Of the one thread that does it all, so that what else runs on the machine does not count. */
  private static long cpuNanos() {
    return THREADS.getCurrentThreadCpuTime();
  }

  private static double fill(
      KeyedTwoInputStreamOperatorTestHarness<String, UserEvent, BudgetSignal, CohortRecord> job,
      long users)
      throws Exception {
    SplittableRandom random = new SplittableRandom(users);
    UserEvent[] events = new UserEvent[EVENTS_AT_ONCE];
    long nanos = 0;
    long all = EXAMPLES_PER_USER * users;
    for (long i = 0; i < all; i += EVENTS_AT_ONCE) {
      int n = (int) Math.min(EVENTS_AT_ONCE, all - i);
      for (int j = 0; j < n; j++) {
        events[j] = Workload.said(Long.toString((i + j) % users), i + j, random);
      }
      long start = cpuNanos();
      for (int j = 0; j < n; j++) {
        job.processElement1(new StreamRecord<>(events[j]));
      }
      nanos += cpuNanos() - start;
    }
    return nanos / 1e3 / all;
  }

  /** Grants a round and fires its timers, slice by slice, until its watermark is out. */
  private static void round(
      KeyedTwoInputStreamOperatorTestHarness<String, UserEvent, BudgetSignal, CohortRecord> job,
      long tick)
      throws Exception {
    job.processElement2(new StreamRecord<>(ScriptedBudget.grant(tick, MECHANISM)));
    job.processWatermark2(new Watermark(tick));
    long now = job.getProcessingTime();
    while (!job.getOutput().contains(new Watermark(tick))) {
      now += 1000;
      job.setProcessingTime(now);
    }
  }

  private static void requireNear(double expected, double given) {
    if (Math.abs(given - expected) > 6 * Math.sqrt(expected / ROUNDS)) {
      throw new IllegalStateException(
          "a round must sample about %.0f users but samples %.0f".formatted(expected, given));
    }
  }

  private static double scan(KeyedStateBackend<String> backend) throws Exception {
    long[] seen = new long[1];
    long start = cpuNanos();
    backend.applyToAllKeys(
        VoidNamespace.INSTANCE,
        VoidNamespaceSerializer.INSTANCE,
        new ValueStateDescriptor<UserPool>("pool", new UserPoolSerializer()),
        (key, state) -> seen[0] += state.value().size());
    return cpuNanos() - start;
  }
}
