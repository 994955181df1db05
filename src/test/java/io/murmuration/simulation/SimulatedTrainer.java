package io.murmuration.simulation;

import static io.murmuration.simulation.Audit.require;

import io.murmuration.contribution.CohortRecord;
import io.murmuration.privacy.mechanism.EpochStart;
import io.murmuration.privacy.mechanism.Grant;
import io.murmuration.privacy.mechanism.RoundExecuted;
import io.murmuration.privacy.noise.GridNoise;
import io.murmuration.privacy.noise.NoiseFactory;
import io.murmuration.privacy.noise.SeededNoise;
import io.murmuration.release.RoundRelease;
import io.murmuration.simulation.Elements.Tick;
import io.murmuration.training.CohortSummation;
import io.murmuration.training.LearningRateSchedule;
import io.murmuration.training.ModelAnnouncer;
import io.murmuration.training.OptimizerOptions;
import io.murmuration.training.ParameterStore;
import io.murmuration.training.PartialSum;
import io.murmuration.training.PartialSums;
import io.murmuration.training.PartialSums.RoundSum;
import io.murmuration.training.PrivateTrainer;
import io.murmuration.training.QuadraticEngine;
import io.murmuration.training.RoundGrid;
import io.murmuration.training.RoundOutcome;
import io.murmuration.training.TrainedWeights;
import io.murmuration.training.TrainerState;
import java.io.IOException;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Deque;
import java.util.List;
import java.util.Optional;
import java.util.SplittableRandom;

/** {@code train} with the real sums, announcer and private step, on a model of four parameters. */
final class SimulatedTrainer {

  static final int PARAMETERS = 4;

  private static final double RATE = 0.1;
  private static final OptimizerOptions SGD =
      new OptimizerOptions.Sgd(LearningRateSchedule.constant(RATE), /* momentum= */ 0);

  /**
   * What a checkpoint holds of it.
   *
   * @param inFlight what a planted bug keeps
   * @param partial what a planted bug keeps
   * @param noiseSeed what a planted bug keeps
   */
  record State(
      long epoch,
      Optional<TrainerState> model,
      List<RoundSum> inFlight,
      Optional<long[]> partial,
      Optional<Long> noiseSeed) {

    static State empty() {
      return new State(0, Optional.empty(), List.of(), Optional.empty(), Optional.empty());
    }
  }

  /** What the worker's thread has to tell: the model, then the round that changed it. */
  private record Announcement(long epoch, Optional<RoundExecuted> executed) {}

  /** A round that was trained and whose result is on its way back to the task's thread. */
  record Executed(RoundRelease release, RoundOutcome outcome) {}

  private final Bug bug;
  private final Audit audit;
  private final SplittableRandom random;
  private final int workers;
  private final PartialSums sums;
  private final ModelAnnouncer models;
  private final QuadraticEngine engine = new QuadraticEngine(PARAMETERS);
  private final PrivateTrainer trainer;
  private final Deque<RoundSum> waiting = new ArrayDeque<>();
  private final Deque<Announcement> announcements = new ArrayDeque<>();
  private final long[] partialTicks;
  private Optional<TrainerState> completed;
  private Optional<long[]> leftOver;
  private long signalsTick = Long.MIN_VALUE;
  private long closedTick = Long.MIN_VALUE;
  private Executed executed;
  private RoundSum executing;
  private long[] lastPartial;
  private long[] lastNoise;
  private long noiseSeed;
  private long completedNoiseSeed;

  SimulatedTrainer(
      State restored,
      int workers,
      String jobId,
      Bug bug,
      Audit audit,
      ParameterStore parameters,
      SplittableRandom random) {
    this.bug = bug;
    this.audit = audit;
    this.random = random;
    this.workers = workers;
    sums = new PartialSums(restored.epoch());
    models = new ModelAnnouncer(parameters, jobId);
    partialTicks = new long[workers];
    Arrays.fill(partialTicks, Long.MIN_VALUE);
    trainer = new PrivateTrainer(engine, SGD, noise());
    restored.model().ifPresent(trainer::restore);
    completed = restored.model();
    leftOver = restored.partial();
    noiseSeed = restored.noiseSeed().orElseGet(random::nextLong);
    completedNoiseSeed = noiseSeed;
    waiting.addAll(restored.inFlight());
  }

  /** Noise that is put on record, all of it. */
  private NoiseFactory noise() {
    return () -> {
      long seed = random.nextLong();
      if (bug == Bug.NOISE_FROM_RESTORED_SEED) {
        seed = noiseSeed;
        noiseSeed = new SplittableRandom(noiseSeed).nextLong();
      }
      GridNoise real = SeededNoise.of(seed);
      return values -> {
        long[] drawn = new long[values.length];
        real.addTo(drawn);
        audit.drawn(drawn);
        lastNoise = drawn;
        long divisor = bug == Bug.NOISE_DIVIDED_BY_WORKERS ? workers : 1;
        Arrays.setAll(values, i -> values[i] + drawn[i] / divisor);
      };
    };
  }

  State snapshot() {
    List<RoundSum> inFlight = new ArrayList<>();
    if (bug == Bug.ROUNDS_IN_FLIGHT_SURVIVE_RESTORE) {
      Optional.ofNullable(executing).ifPresent(inFlight::add);
      inFlight.addAll(waiting);
    }
    return new State(
        sums.lastEpoch(),
        completed,
        List.copyOf(inFlight),
        bug == Bug.PARTIAL_OF_A_DEAD_EPOCH ? Optional.ofNullable(lastPartial) : Optional.empty(),
        bug == Bug.NOISE_FROM_RESTORED_SEED ? Optional.of(completedNoiseSeed) : Optional.empty());
  }

  void takePartial(int worker, Object element, SimulatedSampler sampler) {
    if (element instanceof Tick tick) {
      partialTicks[worker] = tick.tick();
      close(sampler);
    } else {
      PartialSum part = (PartialSum) element;
      lastPartial = part.values();
      sums.onPartial(part);
    }
  }

  void takeSignal(Object element, SimulatedSampler sampler) {
    if (element instanceof Tick tick) {
      signalsTick = tick.tick();
      close(sampler);
    } else if (element instanceof EpochStart start) {
      if (sums.onEpochStart(start)) {
        announcements.add(new Announcement(start.epoch(), Optional.empty()));
      }
    } else if (element instanceof Grant grant) {
      sums.onGrant(grant);
    }
  }

  private void close(SimulatedSampler sampler) {
    long tick = Math.min(signalsTick, Arrays.stream(partialTicks).min().orElseThrow());
    if (tick <= closedTick) {
      return;
    }
    closedTick = tick;
    for (RoundSum sum : sums.onWatermark(tick)) {
      plantInto(sum.sum().sum());
      requireWhole(sum, sampler);
      waiting.add(sum);
    }
  }

  private void plantInto(long[] sum) {
    if (bug == Bug.PARTIAL_ADDED_TWICE) {
      Arrays.setAll(sum, i -> sum[i] + lastPartial[i]);
    } else if (bug == Bug.PARTIAL_MISSING) {
      Arrays.setAll(sum, i -> sum[i] - lastPartial[i]);
    } else if (leftOver.isPresent()) {
      Arrays.setAll(sum, i -> sum[i] + leftOver.get()[i]);
      leftOver = Optional.empty();
    }
  }

  /** To the last unit: what workers added up is what one alone would have, over all that left. */
  private void requireWhole(RoundSum sum, SimulatedSampler sampler) {
    CohortSummation alone = new CohortSummation(engine, trainer.state().parameters(), sum.grant());
    alone.add(List.<CohortRecord>copyOf(sampler.sampledAt(sum.grant().tick())));
    require(
        Arrays.equals(sum.sum().sum(), alone.result().sum())
            && sum.sum().slices() == alone.result().slices(),
        "a sum is not that of its cohort",
        sum.grant());
  }

  boolean canAnnounce() {
    return !announcements.isEmpty();
  }

  /** On the worker's thread: what is sent to the privacy budget, in this order. */
  List<Object> announce() throws IOException {
    Announcement due = announcements.remove();
    List<Object> said = new ArrayList<>();
    said.add(models.put(due.epoch(), trainer.state()));
    due.executed().ifPresent(said::add);
    return said;
  }

  boolean canExecute() {
    return executing == null && announcements.isEmpty() && !waiting.isEmpty();
  }

  /** On the worker's thread. */
  RoundSum execute() {
    executing = waiting.remove();
    Grant grant = executing.grant();
    if (bug != Bug.ROUNDS_IN_FLIGHT_SURVIVE_RESTORE) {
      models.requireCurrent(executing);
    }
    float[] before = trainer.state().parameters();
    long[] exact = executing.sum().sum().clone();
    RoundOutcome outcome = trainer.apply(grant, executing.sum());
    audit.executed(grant);
    requireStep(grant, before, exact, outcome.state().parameters());
    byte[] adapter =
        TrainedWeights.write(
            engine.layout(), outcome.state().parameters(), /* frozen= */ List.of());
    executed = new Executed(new RoundRelease(grant, adapter), outcome);
    // early: workers may have the model before the round counts as executed, if it ever does
    announcements.add(new Announcement(grant.epoch(), Optional.empty()));
    return executing;
  }

  private void requireStep(Grant grant, float[] before, long[] sum, float[] after) {
    double unit = RoundGrid.of(grant.mechanism()).sum().unit();
    for (int i = 0; i < after.length; i++) {
      double gradient = (sum[i] + lastNoise[i]) * unit / grant.mechanism().expectedUnits();
      require(
          after[i] == (float) (before[i] - RATE * gradient),
          "a step is not of its sum and its noise",
          grant);
    }
  }

  boolean canComplete() {
    return executed != null;
  }

  /** On the task's thread: the release goes out. */
  RoundRelease complete() {
    RoundRelease release = executed.release();
    completed = Optional.of(executed.outcome().state());
    completedNoiseSeed = noiseSeed;
    executed = null;
    executing = null;
    Grant grant = release.grant();
    announcements.add(
        new Announcement(
            grant.epoch(), Optional.of(new RoundExecuted(grant.epoch(), grant.round()))));
    return release;
  }
}
