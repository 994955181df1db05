package io.murmuration.simulation;

import static io.murmuration.simulation.Audit.require;

import io.murmuration.contribution.CohortRecord;
import io.murmuration.contribution.UserSample;
import io.murmuration.privacy.mechanism.CorrelatedNoise;
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
import java.util.stream.Collectors;

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
   * @param memory what a planted bug keeps
   */
  record State(
      long epoch,
      Optional<TrainerState> model,
      List<RoundSum> inFlight,
      Optional<long[]> partial,
      Optional<Long> noiseSeed,
      List<Added> memory) {

    static State empty() {
      return new State(
          0, Optional.empty(), List.of(), Optional.empty(), Optional.empty(), List.of());
    }
  }

  /** The noise of a round that is out. */
  private record Added(Grant grant, long[] noise) {}

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

  /** What the white noise of the round that is executed gave, in 2⁻¹⁶ of a unit, and how often. */
  private long[] fine;

  private int draws;

  /** Rounds of this attempt, the newest first; with a planted bug those of others behind them. */
  private List<Added> memory;

  private List<Added> completedMemory;
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
    memory = restored.memory();
    completedMemory = memory;
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
        drew(drawn, values);
      };
    };
  }

  /** Hands out a draw, the only one of a round or the first or second of correlated noise. */
  private void drew(long[] drawn, long[] values) {
    CorrelatedNoise correlated = executing.grant().mechanism().correlatedNoise();
    long divisor = bug == Bug.NOISE_DIVIDED_BY_WORKERS ? workers : 1;
    if (draws++ == 0) {
      Arrays.setAll(fine, i -> drawn[i] << CorrelatedNoise.FRACTION_BITS);
      Arrays.setAll(values, i -> values[i] + drawn[i] / divisor);
    } else if (bug != Bug.NOISE_ON_THE_COARSE_GRID) {
      long[] lie = asIfRemembered(correlated.numerators());
      Arrays.setAll(fine, i -> fine[i] + drawn[i]);
      Arrays.setAll(values, i -> values[i] + drawn[i] / divisor + lie[i]);
    }
  }

  /**
   * What makes a draw's outcome that of a trainer with another memory: what the real one takes away
   * is added, and what the other would is taken away.
   */
  private long[] asIfRemembered(List<Integer> numerators) {
    long[] lie = new long[PARAMETERS];
    if (bug != Bug.NOISE_GOES_ON_AFTER_A_RESTORE && bug != Bug.NOISE_GOES_ON_AFTER_A_VOID_ROUND) {
      return lie;
    }
    Grant now = executing.grant();
    boolean inARow = true;
    for (int lag = 1; lag < numerators.size() && lag <= memory.size(); lag++) {
      Added added = memory.get(lag - 1);
      inARow &=
          added.grant().epoch() == now.epoch()
              && added.grant().phase() == now.phase()
              && added.grant().round() == now.round() - lag;
      int numerator = numerators.get(lag);
      Arrays.setAll(lie, i -> lie[i] - numerator * added.noise()[i]);
      if (inARow) {
        Arrays.setAll(lie, i -> lie[i] + numerator * added.noise()[i]);
      }
    }
    return lie;
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
        bug == Bug.NOISE_FROM_RESTORED_SEED ? Optional.of(completedNoiseSeed) : Optional.empty(),
        bug == Bug.NOISE_GOES_ON_AFTER_A_RESTORE ? completedMemory : List.of());
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
  RoundSum execute(SimulatedSampler sampler) {
    executing = waiting.remove();
    Grant grant = executing.grant();
    if (bug != Bug.ROUNDS_IN_FLIGHT_SURVIVE_RESTORE) {
      models.requireCurrent(executing);
    }
    float[] before = trainer.state().parameters();
    long[] exact = executing.sum().sum().clone();
    fine = new long[PARAMETERS];
    draws = 0;
    RoundOutcome outcome = trainer.apply(grant, executing.sum());
    long[] noisy = executing.sum().sum();
    long[] added = new long[PARAMETERS];
    Arrays.setAll(added, i -> noisy[i] - exact[i]);
    audit.executed(
        grant,
        fine,
        added,
        sampler.sampledAt(grant.tick()).stream()
            .map(UserSample::userId)
            .collect(Collectors.toSet()));
    List<Added> more = new ArrayList<>(List.of(new Added(grant, added)));
    more.addAll(memory);
    memory = more;
    requireStep(grant, before, noisy, outcome.state().parameters());
    byte[] adapter =
        TrainedWeights.write(
            engine.layout(), outcome.state().parameters(), /* frozen= */ List.of());
    executed = new Executed(new RoundRelease(grant, adapter), outcome);
    // early: workers may have the model before the round counts as executed, if it ever does
    announcements.add(new Announcement(grant.epoch(), Optional.empty()));
    return executing;
  }

  private void requireStep(Grant grant, float[] before, long[] noisy, float[] after) {
    double unit = RoundGrid.of(grant.mechanism()).sum().unit();
    for (int i = 0; i < after.length; i++) {
      double gradient = noisy[i] * unit / grant.mechanism().expectedUnits();
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
    completedMemory = memory;
    executed = null;
    executing = null;
    Grant grant = release.grant();
    announcements.add(
        new Announcement(
            grant.epoch(), Optional.of(new RoundExecuted(grant.epoch(), grant.round()))));
    return release;
  }
}
