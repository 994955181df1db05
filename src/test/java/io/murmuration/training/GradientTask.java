package io.murmuration.training;

import io.murmuration.contribution.UserSample;
import io.murmuration.event.Example;
import io.murmuration.privacy.mechanism.BudgetSignal;
import io.murmuration.privacy.mechanism.EpochStart;
import io.murmuration.privacy.mechanism.Grant;
import io.murmuration.privacy.mechanism.ModelVersion;
import io.murmuration.privacy.mechanism.RoundMechanism;
import io.murmuration.privacy.mechanism.Sampler;
import io.murmuration.training.ParameterStore.Key;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.Semaphore;
import org.apache.flink.runtime.io.disk.iomanager.IOManager;
import org.apache.flink.runtime.operators.testutils.MockEnvironmentBuilder;
import org.apache.flink.streaming.api.watermark.Watermark;
import org.apache.flink.streaming.runtime.streamrecord.StreamRecord;
import org.apache.flink.streaming.runtime.tasks.mailbox.TaskMailbox;
import org.apache.flink.streaming.util.AbstractStreamOperatorTestHarness;

/** One attempt of one worker: the operator in its harness, its mailbox run by hand. */
final class GradientTask {

  private static final RoundMechanism MECHANISM =
      new RoundMechanism(Sampler.ULS, 0.1, 1, 1.0, 1.0, 10);

  final FakeSource source;
  final InMemoryParameterStore parameters;
  final AbstractStreamOperatorTestHarness<PartialSum> harness;
  private GradientOperator operator;

  /** The only worker, which keeps all text in memory. */
  GradientTask(FakeSource source, InMemoryParameterStore parameters) throws Exception {
    this(source, parameters, /* spoolBytes= */ 1 << 20, /* workers= */ 1, /* worker= */ 0, null);
  }

  /**
   * One of some workers.
   *
   * @param files where it spills to; null for Flink's default
   */
  GradientTask(
      FakeSource source,
      InMemoryParameterStore parameters,
      long spoolBytes,
      int workers,
      int worker,
      IOManager files)
      throws Exception {
    this.source = source;
    this.parameters = parameters;
    MockEnvironmentBuilder environment =
        new MockEnvironmentBuilder()
            .setTaskName("gradients")
            .setMaxParallelism(8)
            .setParallelism(workers)
            .setSubtaskIndex(worker);
    if (files != null) {
      environment.setIOManager(files);
    }
    harness =
        new AbstractStreamOperatorTestHarness<>(
            new GradientOperator.Factory(
                () -> source, () -> parameters, spoolBytes, /* privateMetrics= */ true),
            environment.build());
    harness.setup(new PartialSumSerializer());
  }

  void open() throws Exception {
    harness.open();
    operator = (GradientOperator) harness.getOperator();
  }

  static Grant grantOf(long epoch, long round, long tick) {
    return new Grant(epoch, round, tick, 1, MECHANISM, 0.1 * round, 1e-6, "00");
  }

  static UserSample sampleOf(long epoch, long round, long tick, String user) {
    return new UserSample(
        epoch, round, tick, user, List.of(new Example(/* prompt= */ null, "text of " + user)));
  }

  /** What a worker that has them all would add up. */
  static long[] sumOf(long epoch, long round, float[] at, List<String> users) {
    CohortSummation alone =
        new CohortSummation(
            new QuadraticEngine(at.length), at, grantOf(epoch, round, /* tick= */ 1));
    alone.add(List.copyOf(users.stream().map(user -> sampleOf(epoch, round, 1, user)).toList()));
    return alone.result().sum();
  }

  /** Puts the model into the store, and announces it. */
  void model(long epoch, long round, float... values) {
    ModelVersion model = put(parameters, epoch, round, values);
    signal(model);
  }

  static ModelVersion put(
      InMemoryParameterStore parameters, long epoch, long round, float... values) {
    float[] frozen = {};
    ModelVersion model =
        new ModelVersion(
            "job", epoch, round, ParameterDigest.of(values), ParameterDigest.of(frozen));
    parameters.put(Key.ofParameters(model), values);
    parameters.put(Key.ofFrozen(model), frozen);
    return model;
  }

  void epoch(long epoch) {
    signal(new EpochStart(epoch, 1));
  }

  void grant(long epoch, long round, long tick) {
    signal(grantOf(epoch, round, tick));
  }

  void signal(BudgetSignal signal) {
    operator.processElement2(new StreamRecord<>(signal));
  }

  void sample(long epoch, long round, long tick, String user) throws Exception {
    sample(sampleOf(epoch, round, tick, user));
  }

  void sample(UserSample sample) throws Exception {
    operator.processElement1(new StreamRecord<>(sample));
  }

  void sampleWatermark(long tick) throws Exception {
    operator.processWatermark1(new Watermark(tick));
  }

  void signalWatermark(long tick) throws Exception {
    operator.processWatermark2(new Watermark(tick));
  }

  void watermarks(long tick) throws Exception {
    sampleWatermark(tick);
    signalWatermark(tick);
  }

  /** Waits for one mail of the worker's thread and lets the operator have it. */
  void awaitMail() throws Exception {
    harness.getTaskMailbox().take(TaskMailbox.MIN_PRIORITY).run();
  }

  boolean hasMail() {
    return harness.getTaskMailbox().hasMail();
  }

  /** Partial sums and watermarks in order. */
  List<Object> sent() {
    return Arrays.stream(harness.getOutput().toArray())
        .map(o -> o instanceof StreamRecord<?> record ? record.getValue() : o)
        .toList();
  }

  List<PartialSum> partials() {
    List<PartialSum> partials = new ArrayList<>();
    for (Object element : sent()) {
      if (element instanceof PartialSum part) {
        partials.add(part);
      }
    }
    return partials;
  }

  List<Watermark> watermarksSent() {
    return sent().stream().filter(Watermark.class::isInstance).map(Watermark.class::cast).toList();
  }

  /** A base model of some parameters, whose engine may be held, or fail. */
  static class FakeSource implements GradientSource {
    final Semaphore maySum = new Semaphore(0);
    final List<float[]> engines = new CopyOnWriteArrayList<>();
    final List<float[]> takenAt = new CopyOnWriteArrayList<>();
    private final int size;
    volatile boolean held;
    volatile boolean broken;
    volatile Error failure;
    volatile boolean closed;

    FakeSource(int size) {
      this.size = size;
    }

    @Override
    public GradientEngine engine(float[] frozen) {
      engines.add(frozen);
      return new QuadraticEngine(size) {
        @Override
        public ClippedSum clippedSum(
            float[] parameters, List<PrivacySlice> slices, RoundGrid grid) {
          takenAt.add(parameters);
          if (held) {
            maySum.acquireUninterruptibly();
          }
          if (failure != null) {
            throw failure;
          }
          return super.clippedSum(parameters, slices, grid);
        }
      };
    }

    @Override
    public PublicWatch watch(GradientEngine engine) {
      String text = broken ? "NaN" : "public";
      return new PublicWatch(engine, List.of(new Example(/* prompt= */ null, text)));
    }

    @Override
    public void close() {
      closed = true;
    }
  }
}
