package io.murmuration.training;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import io.murmuration.privacy.budget.RoundFeedback;
import io.murmuration.privacy.mechanism.BudgetSignal;
import io.murmuration.privacy.mechanism.EpochStart;
import io.murmuration.privacy.mechanism.Grant;
import io.murmuration.privacy.mechanism.ModelVersion;
import io.murmuration.privacy.mechanism.RoundExecuted;
import io.murmuration.privacy.mechanism.RoundMechanism;
import io.murmuration.privacy.mechanism.RoundQuery.CountHistogram;
import io.murmuration.privacy.mechanism.Sampler;
import io.murmuration.release.RoundRelease;
import io.murmuration.release.RoundReleaseSerializer;
import io.murmuration.training.PartialSums.RoundSum;
import java.io.IOException;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.UUID;
import java.util.concurrent.BlockingDeque;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.LinkedBlockingDeque;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;
import java.util.function.LongSupplier;
import java.util.stream.Stream;
import org.apache.flink.runtime.operators.testutils.MockEnvironmentBuilder;
import org.apache.flink.runtime.state.storage.JobManagerCheckpointStorage;
import org.apache.flink.streaming.api.watermark.Watermark;
import org.apache.flink.streaming.runtime.streamrecord.StreamRecord;
import org.apache.flink.streaming.runtime.tasks.mailbox.TaskMailbox;
import org.apache.flink.streaming.util.AbstractStreamOperatorTestHarness;

/** One attempt of the task: the operator in its harness, its mailbox run by hand. */
final class TrainTask {
  private static final RoundMechanism MECHANISM =
      new RoundMechanism(Sampler.ULS, 0.1, 1, 1.0, 1.0, 10);

  /** Counts how many users have one event, two, and three or four. */
  private static final RoundMechanism MEASUREMENT =
      new RoundMechanism(Sampler.ULS, 1, 1, 3, 1, 1, new CountHistogram(List.of(1, 2, 4)));

  /** What one worker added up of a measurement. */
  static final long[] COUNTED = {7, 0, 2};

  final FakeTrainer trainer;
  final InMemoryParameterStore parameters =
      new InMemoryParameterStore(UUID.randomUUID().toString());
  final FakeFeedback feedback = new FakeFeedback();
  final AbstractStreamOperatorTestHarness<RoundRelease> harness;
  private TrainOperator operator;

  TrainTask(FakeTrainer trainer) throws Exception {
    this.trainer = trainer;
    harness =
        new AbstractStreamOperatorTestHarness<>(
            new TrainOperator.Factory(
                trainer::continuing,
                () -> parameters,
                feedback,
                /* submission= */ "one",
                /* privateMetrics= */ true),
            new MockEnvironmentBuilder().setTaskName("train").build());
    harness.setCheckpointStorage(new JobManagerCheckpointStorage(64 << 20));
    harness.setup(new RoundReleaseSerializer());
    feedback.sent = () -> releases().count();
  }

  static Grant grantOf(long epoch, long round, long tick) {
    return new Grant(epoch, round, tick, 1, MECHANISM, 0.1 * round, 1e-6, "00");
  }

  void open() throws Exception {
    harness.open();
    operator = (TrainOperator) harness.getOperator();
  }

  void epoch(long epoch) {
    signal(new EpochStart(epoch, 1));
  }

  void grant(long epoch, long round, long tick) {
    signal(grantOf(epoch, round, tick));
  }

  private void signal(BudgetSignal signal) {
    operator.processElement2(new StreamRecord<>(signal));
  }

  /** The partial sum of a worker that is the only one: this vector. */
  void partial(long epoch, long round, long... sum) throws Exception {
    partialOf(0, 1, epoch, round, sum);
  }

  /** The partial sum of one of some workers, at the model announced last. */
  void partialOf(int worker, int workers, long epoch, long round, long... sum) throws Exception {
    String digest = feedback.models.isEmpty() ? "none" : feedback.models.peekLast().digest();
    partial(epoch, round, worker, workers, MECHANISM, digest, sum);
  }

  /** The partial sum of the only worker, at some model. */
  void partialAt(long epoch, long round, String modelDigest, long... sum) {
    partial(epoch, round, 0, 1, MECHANISM, modelDigest, sum);
  }

  private void partial(
      long epoch,
      long round,
      int worker,
      int workers,
      RoundMechanism mechanism,
      String modelDigest,
      long... sum) {
    ClippedSum whole =
        new ClippedSum(sum, RoundGrid.of(mechanism), /* slices= */ sum.length, 0, 0, 0, 0, 0);
    PartialSum.of(epoch, round, worker, workers, modelDigest, whole)
        .forEachRemaining(part -> operator.processElement1(new StreamRecord<>(part)));
  }

  void partialWatermark(long tick) throws Exception {
    operator.processWatermark1(new Watermark(tick));
  }

  void signalWatermark(long tick) throws Exception {
    operator.processWatermark2(new Watermark(tick));
  }

  /** A round whose only worker was given nothing. */
  void round(long epoch, long round, long tick) throws Exception {
    grant(epoch, round, tick);
    awaitModel(epoch);
    partial(epoch, round, 0, 0, 0);
    partialWatermark(tick);
    signalWatermark(tick);
  }

  /** A round that counts users. */
  void measurement(long epoch, long round, long tick) throws Exception {
    signal(new Grant(epoch, round, tick, 1, MEASUREMENT, 0.1, 1e-6, "00"));
    counts(epoch, round);
    partialWatermark(tick);
    signalWatermark(tick);
  }

  void counts(long epoch, long round) throws Exception {
    awaitModel(epoch);
    partial(epoch, round, 0, 1, MEASUREMENT, feedback.models.peekLast().digest(), COUNTED.clone());
  }

  /** Waits until the model of an epoch that began here was announced. */
  void awaitModel(long epoch) {
    await().until(() -> feedback.models.stream().anyMatch(model -> model.epoch() >= epoch));
  }

  /** Ends as a task that fails does: what waits in the mailbox is never done. */
  void fail() throws Exception {
    harness.getTaskMailbox().quiesce();
    harness.close();
  }

  /** Waits for one result of the worker and lets the operator have it. */
  void awaitMail() throws Exception {
    harness.getTaskMailbox().take(TaskMailbox.MIN_PRIORITY).run();
  }

  Thread closeElsewhere() {
    Thread closing =
        new Thread(
            () -> {
              try {
                harness.close();
              } catch (Exception e) {
                throw new IllegalStateException(e);
              }
            });
    closing.start();
    return closing;
  }

  /** Releases and watermarks in order. */
  List<Object> sent() {
    return Arrays.stream(harness.getOutput().toArray())
        .map(o -> o instanceof StreamRecord<?> record ? record.getValue() : o)
        .toList();
  }

  List<Long> releasedRounds() {
    return releases().map(release -> release.grant().round()).toList();
  }

  private Stream<RoundRelease> releases() {
    return sent().stream().filter(RoundRelease.class::isInstance).map(RoundRelease.class::cast);
  }

  /** Trains nothing: adds a constant. Like native code it cannot be interrupted. */
  static final class FakeTrainer implements RoundTrainer {
    final Semaphore mayEnd = new Semaphore(0);
    final Semaphore begun = new Semaphore(0);
    final List<String> events = new CopyOnWriteArrayList<>();
    final List<RoundSum> sums = new CopyOnWriteArrayList<>();
    final List<Thread> threads = new CopyOnWriteArrayList<>();
    final List<Throwable> uncaught = new CopyOnWriteArrayList<>();
    volatile Error failure;
    volatile PublicFaultException fault;

    /** Thrown once the model is known. */
    volatile PublicFaultException faultAfterStep;

    volatile RuntimeException refusal;
    volatile TrainerState restored;
    volatile TrainerState state;
    private boolean gated;
    private int parameters = 3;
    private final float[] initial = {0.5f, 0.25f, -1};
    private List<Double> answer = List.of();

    FakeTrainer gated() {
      gated = true;
      return this;
    }

    FakeTrainer answering(List<Double> numbers) {
      answer = numbers;
      return this;
    }

    FakeTrainer withParameters(int count) {
      parameters = count;
      return this;
    }

    void awaitBegin() throws InterruptedException {
      assertThat(begun.tryAcquire(60, TimeUnit.SECONDS)).isTrue();
    }

    List<List<Long>> vectors() {
      return sums.stream().map(sum -> Arrays.stream(sum.sum().sum()).boxed().toList()).toList();
    }

    @Override
    public ExecutedRound execute(RoundSum sum, Consumer<TrainerState> stepped) {
      Thread.currentThread().setUncaughtExceptionHandler((thread, e) -> uncaught.add(e));
      long round = sum.grant().round();
      events.add("begin " + round);
      begun.release();
      if (gated) {
        mayEnd.acquireUninterruptibly();
      }
      if (failure != null) {
        throw failure;
      }
      if (fault != null) {
        throw fault;
      }
      threads.add(Thread.currentThread());
      sums.add(sum);
      state = next(round);
      stepped.accept(state);
      if (faultAfterStep != null) {
        throw faultAfterStep;
      }
      events.add("end " + round);
      return new ExecutedRound(
          new RoundRelease(sum.grant(), new byte[] {(byte) round}),
          new RoundOutcome(
              state,
              new RoundOutcome.Statistics(sum.sum().slices(), 0, 0, 1, 0),
              new RoundOutcome.Timing(1, 1, 1)),
          answer);
    }

    private TrainerState next(long round) {
      float[] values = new float[state == null ? parameters : state.parameters().length];
      double[] moment = new double[values.length];
      for (int i = 0; i < values.length; i++) {
        values[i] = i + round;
        moment[i] = -i * 1e-3;
      }
      return new TrainerState(
          round,
          state == null ? 1 : state.executedRounds() + 1,
          values,
          new OptimizerState(List.of(moment)),
          TrainerState.UNKNOWN_LAYOUT,
          TrainingOrigin.UNKNOWN);
    }

    @Override
    public TrainerState state() {
      return state == null
          ? new TrainerState(
              0,
              0,
              initial,
              new OptimizerState(List.of()),
              TrainerState.UNKNOWN_LAYOUT,
              TrainingOrigin.UNKNOWN)
          : state;
    }

    private RoundTrainer continuing(Optional<TrainerState> restoredState) {
      restored = restoredState.orElse(null);
      state = restored;
      if (refusal != null) {
        throw refusal;
      }
      return this;
    }

    @Override
    public void close() {
      events.add("close");
    }
  }

  /** Hands acknowledgements to the test. */
  static final class FakeFeedback implements RoundFeedback {
    private static final long serialVersionUID = 1L;

    final transient BlockingQueue<RoundExecuted> acknowledged = new LinkedBlockingQueue<>();

    /** What could not be sent. */
    final transient BlockingQueue<RoundExecuted> tries = new LinkedBlockingQueue<>();

    final transient List<Long> releasesSentBefore = new CopyOnWriteArrayList<>();
    transient volatile LongSupplier sent;
    transient volatile RuntimeException fault;
    transient volatile IOException trouble;
    transient volatile IOException modelTrouble;
    transient volatile boolean closed;
    final transient BlockingDeque<ModelVersion> models = new LinkedBlockingDeque<>();

    RoundExecuted awaitAcknowledgement() throws InterruptedException {
      return acknowledged.poll(60, TimeUnit.SECONDS);
    }

    RoundExecuted awaitTry() throws InterruptedException {
      return tries.poll(60, TimeUnit.SECONDS);
    }

    @Override
    public Publisher publisher() {
      return new Publisher() {
        @Override
        public void announced(ModelVersion model) throws IOException {
          if (modelTrouble != null) {
            throw modelTrouble;
          }
          models.add(model);
        }

        @Override
        public void executed(RoundExecuted executed) throws IOException {
          if (fault != null) {
            throw fault;
          }
          if (trouble != null) {
            tries.add(executed);
            throw trouble;
          }
          releasesSentBefore.add(sent.getAsLong());
          acknowledged.add(executed);
        }

        @Override
        public void close() {
          closed = true;
        }
      };
    }

    @Override
    public Subscription subscribe(Listener listener) {
      throw new UnsupportedOperationException("the trainer does not subscribe");
    }
  }
}
