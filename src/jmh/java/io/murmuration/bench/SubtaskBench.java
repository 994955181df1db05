package io.murmuration.bench;

import io.murmuration.bench.ThroughputBench.Ring;
import io.murmuration.contribution.BoundAndSampleOperator;
import io.murmuration.contribution.CohortRecord;
import io.murmuration.contribution.CohortRecordSerializer;
import io.murmuration.contribution.ContributionBounds;
import io.murmuration.event.UserEvent;
import io.murmuration.privacy.mechanism.BudgetSignal;
import io.murmuration.privacy.mechanism.RoundMechanism;
import io.murmuration.privacy.mechanism.Sampler;
import java.lang.management.ManagementFactory;
import java.util.Arrays;
import org.apache.flink.api.common.typeinfo.Types;
import org.apache.flink.streaming.api.operators.KeyedProcessOperator;
import org.apache.flink.streaming.api.watermark.Watermark;
import org.apache.flink.streaming.runtime.streamrecord.StreamRecord;
import org.apache.flink.streaming.util.AbstractStreamOperatorTestHarness;
import org.apache.flink.streaming.util.KeyedOneInputStreamOperatorTestHarness;
import org.apache.flink.streaming.util.KeyedTwoInputStreamOperatorTestHarness;

/**
 * The ring and the samplers as one subtask in one thread each, a few thousand events of each in
 * turn, by that thread's processor time: what they cost beside each other on a machine that is busy
 * with something else. RocksDB's own threads do not count.
 */
final class SubtaskBench {

  private static final int TURN = 5000;
  private static final int TURNS = 40;
  private static final int WARM_UP_TURNS = 8;
  private static final int LIVES = 3;
  private static final int KEY_GROUPS = 128;
  private static final long USERS = (long) TURN * TURNS / 5;
  private static final String[] NAMES = {"RING", "ULS", "ELS"};

  /** What takes one event. */
  @FunctionalInterface
  private interface Subtask {
    void take(StreamRecord<UserEvent> event) throws Exception;
  }

  private SubtaskBench() {}

  static void run() throws Exception {
    Workload.print("(CPU µs of the subtask's thread per event; ring ÷ variant in brackets)");
    live(); // warms up the code
    double[][] ratios = new double[NAMES.length][LIVES];
    for (int life = 0; life < LIVES; life++) {
      double[] micros = live();
      StringBuilder line = new StringBuilder();
      for (int i = 0; i < NAMES.length; i++) {
        ratios[i][life] = micros[0] / micros[i];
        line.append("%-4s %6.2f µs (%.2f)   ".formatted(NAMES[i], micros[i], ratios[i][life]));
      }
      Workload.print("%s", line.toString().strip());
    }
    for (int i = 1; i < NAMES.length; i++) {
      Arrays.sort(ratios[i]);
      Workload.print(
          "ring ÷ %s: median %.2f, %.2f to %.2f",
          NAMES[i], ratios[i][LIVES / 2], ratios[i][0], ratios[i][LIVES - 1]);
    }
  }

  /** New state for all variants; µs an event of each, behind the turns that warm it up. */
  private static double[] live() throws Exception {
    try (KeyedOneInputStreamOperatorTestHarness<String, UserEvent, CohortRecord> ring =
            new KeyedOneInputStreamOperatorTestHarness<>(
                new KeyedProcessOperator<>(new Ring()),
                UserEvent::userId,
                Types.STRING,
                KEY_GROUPS,
                1,
                0);
        KeyedTwoInputStreamOperatorTestHarness<String, UserEvent, BudgetSignal, CohortRecord> uls =
            sampler();
        KeyedTwoInputStreamOperatorTestHarness<String, UserEvent, BudgetSignal, CohortRecord> els =
            sampler()) {
      open(ring);
      start(uls, Sampler.ULS);
      start(els, Sampler.ELS);
      Subtask[] subtasks = {ring::processElement, uls::processElement1, els::processElement1};
      long[] nanos = new long[subtasks.length];
      for (int turn = 0; turn < TURNS; turn++) {
        for (int k = 0; k < subtasks.length; k++) {
          int i = (turn + k) % subtasks.length;
          long taken = turn(subtasks[i], (long) turn * TURN);
          nanos[i] += turn < WARM_UP_TURNS ? 0 : taken;
        }
      }
      double events = (double) (TURNS - WARM_UP_TURNS) * TURN;
      return Arrays.stream(nanos).mapToDouble(n -> n / 1e3 / events).toArray();
    }
  }

  private static long turn(Subtask subtask, long first) throws Exception {
    UserEvent[] events = new UserEvent[TURN];
    for (int j = 0; j < TURN; j++) {
      events[j] = Workload.event(first + j, USERS);
    }
    long start = ManagementFactory.getThreadMXBean().getCurrentThreadCpuTime();
    for (UserEvent event : events) {
      subtask.take(new StreamRecord<>(event));
    }
    return ManagementFactory.getThreadMXBean().getCurrentThreadCpuTime() - start;
  }

  private static KeyedTwoInputStreamOperatorTestHarness<
          String, UserEvent, BudgetSignal, CohortRecord>
      sampler() throws Exception {
    return new KeyedTwoInputStreamOperatorTestHarness<>(
        new BoundAndSampleOperator(
            new ContributionBounds(ThroughputBench.WINDOW_TICKS, ThroughputBench.POOL, 1)),
        UserEvent::userId,
        null,
        Types.STRING,
        KEY_GROUPS,
        1,
        0);
  }

  private static void start(
      KeyedTwoInputStreamOperatorTestHarness<String, UserEvent, BudgetSignal, CohortRecord> job,
      Sampler sampler)
      throws Exception {
    open(job);
    job.processElement2(new StreamRecord<>(ScriptedBudget.epoch()));
    job.processElement2(
        new StreamRecord<>(
            ScriptedBudget.grant(
                0, new RoundMechanism(sampler, 0.001, ThroughputBench.POOL, 1, 1, 1000))));
    job.processWatermark2(new Watermark(0));
  }

  private static void open(AbstractStreamOperatorTestHarness<CohortRecord> job) throws Exception {
    job.setStateBackend(PopulationBench.backend());
    job.setup(new CohortRecordSerializer());
    job.open();
  }
}
