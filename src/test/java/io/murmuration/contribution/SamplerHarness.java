package io.murmuration.contribution;

import io.murmuration.event.Example;
import io.murmuration.event.UserEvent;
import io.murmuration.privacy.mechanism.BudgetSignal;
import io.murmuration.privacy.mechanism.EpochStart;
import io.murmuration.privacy.mechanism.Grant;
import io.murmuration.privacy.mechanism.RoundMechanism;
import io.murmuration.privacy.mechanism.Sampler;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import org.apache.flink.api.common.typeinfo.Types;
import org.apache.flink.runtime.checkpoint.OperatorSubtaskState;
import org.apache.flink.runtime.state.KeyedStateBackend;
import org.apache.flink.runtime.state.StateBackend;
import org.apache.flink.runtime.state.VoidNamespace;
import org.apache.flink.runtime.state.VoidNamespaceSerializer;
import org.apache.flink.streaming.api.watermark.Watermark;
import org.apache.flink.streaming.runtime.streamrecord.StreamRecord;
import org.apache.flink.streaming.util.KeyedTwoInputStreamOperatorTestHarness;

/** Drives one subtask of the operator as budget and users would. */
final class SamplerHarness implements AutoCloseable {

  static final int MAX_PARALLELISM = 8;
  static final TimerQuantum NEVER_OVER = TimerQuantum.of(Duration.ofDays(1));

  final KeyedTwoInputStreamOperatorTestHarness<String, UserEvent, BudgetSignal, CohortRecord> flink;
  private long epoch;
  private long round;
  private int events;

  SamplerHarness(BoundAndSampleOperator operator, int parallelism, int subtask) throws Exception {
    flink =
        new KeyedTwoInputStreamOperatorTestHarness<>(
            operator, UserEvent::userId, null, Types.STRING, MAX_PARALLELISM, parallelism, subtask);
  }

  SamplerHarness(ContributionBounds bounds, long seed) throws Exception {
    this(new BoundAndSampleOperator(bounds, new SeededRandomness(seed), NEVER_OVER), 1, 0);
  }

  /** Before it is opened or restored. */
  SamplerHarness on(StateBackend backend) {
    flink.setStateBackend(backend);
    return this;
  }

  SamplerHarness open() throws Exception {
    // not before the backend is chosen: Flink's harness would go on with its own
    flink.setup(new CohortRecordSerializer());
    flink.open();
    return this;
  }

  SamplerHarness restore(OperatorSubtaskState state) throws Exception {
    flink.setup(new CohortRecordSerializer());
    flink.initializeState(state);
    flink.open();
    return this;
  }

  SamplerHarness epoch(long epoch, long firstTick) throws Exception {
    return startEpoch(new EpochStart(epoch, firstTick));
  }

  SamplerHarness startEpoch(EpochStart start) throws Exception {
    epoch = start.epoch();
    signal(start);
    return this;
  }

  void signal(BudgetSignal signal) throws Exception {
    flink.processElement2(new StreamRecord<>(signal));
  }

  Grant grantOf(long epoch, long tick, RoundMechanism mechanism) {
    return new Grant(epoch, ++round, tick, 1, mechanism, 0.1, 1e-6, "00");
  }

  void grant(long tick, RoundMechanism mechanism) throws Exception {
    signal(grantOf(epoch, tick, mechanism));
  }

  void say(String userId, String text) throws Exception {
    flink.processElement1(
        new StreamRecord<>(UserEvent.interaction(userId, "e" + events++, 1L, null, text)));
  }

  void erase(String userId) throws Exception {
    flink.processElement1(new StreamRecord<>(UserEvent.erasure(userId, "", 0)));
  }

  /** Closes a tick and returns what it sampled. */
  List<UserSample> tick(long tick) throws Exception {
    flink.processWatermark2(new Watermark(tick));
    return samples();
  }

  List<UserSample> round(long tick, RoundMechanism mechanism) throws Exception {
    grant(tick, mechanism);
    return tick(tick);
  }

  /** Takes what was emitted since the last call. */
  List<UserSample> samples() {
    return records().stream().map(UserSample.class::cast).toList();
  }

  /** Takes what was emitted since the last call, counts too. */
  List<CohortRecord> records() {
    List<CohortRecord> samples = new ArrayList<>();
    for (Object element = flink.getOutput().poll();
        element != null;
        element = flink.getOutput().poll()) {
      if (element instanceof StreamRecord<?> record) {
        samples.add((CohortRecord) record.getValue());
      }
    }
    return samples;
  }

  int stateEntries() {
    return flink.numKeyedStateEntries();
  }

  int timers() {
    return flink.numEventTimeTimers();
  }

  /** A user's pool as the backend holds it. */
  UserPool storedPool(String userId) throws Exception {
    KeyedStateBackend<String> backend = flink.getOperator().getKeyedStateBackend();
    backend.setCurrentKey(userId);
    return backend
        .getPartitionedState(
            VoidNamespace.INSTANCE, VoidNamespaceSerializer.INSTANCE, UserState.pool())
        .value();
  }

  static RoundMechanism uls(double q, int groupSize) {
    return new RoundMechanism(Sampler.ULS, q, groupSize, 1, 1, 10);
  }

  static RoundMechanism els(double p, int groupSize) {
    return new RoundMechanism(Sampler.ELS, p, groupSize, 1, 1, 10);
  }

  static List<String> texts(List<UserSample> samples) {
    return samples.stream().flatMap(s -> s.examples().stream()).map(Example::text).toList();
  }

  static List<String> users(List<UserSample> samples) {
    return samples.stream().map(UserSample::userId).toList();
  }

  /** Lets so much wall time pass that whatever is done in quanta comes to its end. */
  void pass(long untilMillis) throws Exception {
    while (flink.getProcessingTime() < untilMillis) {
      flink.setProcessingTime(flink.getProcessingTime() + 50);
    }
  }

  /** Quanta of three timers or visits. */
  static final class ThreeAtATime implements TimerQuantum {
    private static final long serialVersionUID = 1L;
    private int timers;

    @Override
    public void begin() {
      timers = 0;
    }

    @Override
    public boolean isOver() {
      return ++timers >= 3;
    }
  }

  @Override
  public void close() throws Exception {
    flink.close();
  }
}
