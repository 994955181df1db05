package io.murmuration.simulation;

import static io.murmuration.simulation.Audit.require;

import io.murmuration.contribution.UserSample;
import io.murmuration.privacy.mechanism.EpochStart;
import io.murmuration.privacy.mechanism.Grant;
import io.murmuration.privacy.mechanism.RoundExecuted;
import io.murmuration.privacy.noise.GridNoise;
import io.murmuration.privacy.noise.NoiseFactory;
import io.murmuration.privacy.noise.SeededNoise;
import io.murmuration.release.RoundRelease;
import io.murmuration.simulation.Elements.Tick;
import io.murmuration.training.CohortBuffer;
import io.murmuration.training.CohortBuffer.Cohort;
import io.murmuration.training.LearningRateSchedule;
import io.murmuration.training.OptimizerOptions;
import io.murmuration.training.PrivacySlices;
import io.murmuration.training.PrivateTrainer;
import io.murmuration.training.QuadraticEngine;
import io.murmuration.training.RoundOutcome;
import io.murmuration.training.TrainedWeights;
import io.murmuration.training.TrainerState;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.SplittableRandom;

/** {@code train} with the real buffer and private step, on a model of four parameters. */
final class SimulatedTrainer {

  private static final int PARAMETERS = 4;
  private static final OptimizerOptions SGD =
      new OptimizerOptions.Sgd(LearningRateSchedule.constant(0.1), /* momentum= */ 0);

  /**
   * What a checkpoint holds of it.
   *
   * @param inFlight what a planted bug keeps
   * @param noiseSeed what a planted bug keeps
   */
  record State(
      long epoch, Optional<TrainerState> model, List<Cohort> inFlight, Optional<Long> noiseSeed) {

    static State empty() {
      return new State(0, Optional.empty(), List.of(), Optional.empty());
    }
  }

  /** A round that was trained and whose result is on its way back to the task's thread. */
  record Executed(RoundRelease release, RoundOutcome outcome) {}

  private final Bug bug;
  private final Audit audit;
  private final SplittableRandom random;
  private final CohortBuffer cohorts;
  private final QuadraticEngine engine = new QuadraticEngine(PARAMETERS);
  private final PrivateTrainer trainer;
  private final Deque<Cohort> waiting = new ArrayDeque<>();
  private Optional<TrainerState> completed;
  private long samplesTick = Long.MIN_VALUE;
  private long signalsTick = Long.MIN_VALUE;
  private long closedTick = Long.MIN_VALUE;
  private Executed executed;
  private Cohort executing;
  private long noiseSeed;
  private long completedNoiseSeed;

  SimulatedTrainer(State restored, Bug bug, Audit audit, SplittableRandom random) {
    this.bug = bug;
    this.audit = audit;
    this.random = random;
    cohorts = new CohortBuffer(restored.epoch());
    trainer = new PrivateTrainer(engine, SGD, noise());
    restored.model().ifPresent(trainer::restore);
    completed = restored.model();
    noiseSeed = restored.noiseSeed().orElseGet(random::nextLong);
    completedNoiseSeed = noiseSeed;
    waiting.addAll(restored.inFlight());
  }

  /** Noise whose every value is put on record. */
  private NoiseFactory noise() {
    return () -> {
      long seed = random.nextLong();
      if (bug == Bug.NOISE_FROM_RESTORED_SEED) {
        seed = noiseSeed;
        noiseSeed = new SplittableRandom(noiseSeed).nextLong();
      }
      GridNoise real = SeededNoise.of(seed);
      return sums -> {
        long[] drawn = new long[sums.length];
        real.addTo(drawn);
        audit.drawn(drawn);
        for (int i = 0; i < sums.length; i++) {
          sums[i] += drawn[i];
        }
      };
    };
  }

  State snapshot() {
    boolean keepsCohorts = bug == Bug.GRANTS_IN_FLIGHT_SURVIVE_RESTORE;
    Deque<Cohort> inFlight = new ArrayDeque<>();
    if (keepsCohorts) {
      inFlight.addAll(waiting);
      Optional.ofNullable(executing).ifPresent(inFlight::addFirst);
    }
    return new State(
        cohorts.lastEpoch(),
        completed,
        List.copyOf(inFlight),
        bug == Bug.NOISE_FROM_RESTORED_SEED ? Optional.of(completedNoiseSeed) : Optional.empty());
  }

  void takeSample(Object element, SimulatedSampler sampler) {
    if (element instanceof Tick tick) {
      samplesTick = tick.tick();
      close(sampler);
    } else {
      cohorts.onSample((UserSample) element);
    }
  }

  void takeSignal(Object element, SimulatedSampler sampler) {
    if (element instanceof Tick tick) {
      signalsTick = tick.tick();
      close(sampler);
    } else if (element instanceof EpochStart start) {
      cohorts.onEpochStart(start);
    } else {
      cohorts.onGrant((Grant) element);
    }
  }

  private void close(SimulatedSampler sampler) {
    long tick = Math.min(samplesTick, signalsTick);
    if (tick <= closedTick) {
      return;
    }
    closedTick = tick;
    for (Cohort cohort : cohorts.onWatermark(tick)) {
      Set<UserSample> sampled = sampler.sampledAt(cohort.grant().tick());
      require(sampled.equals(new HashSet<>(cohort.samples())), "a cohort is not whole", cohort);
      waiting.add(cohort);
    }
  }

  boolean canExecute() {
    return executing == null && !waiting.isEmpty();
  }

  /** On the worker's thread. */
  Cohort execute() {
    executing = waiting.remove();
    Grant grant = executing.grant();
    RoundOutcome outcome =
        trainer.step(grant, PrivacySlices.of(grant.mechanism(), executing.samples()));
    audit.executed(grant);
    byte[] adapter =
        TrainedWeights.write(
            engine.layout(), outcome.state().parameters(), /* frozen= */ List.of());
    executed = new Executed(new RoundRelease(grant, adapter), outcome);
    return executing;
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
    return release;
  }

  static RoundExecuted acknowledgementOf(RoundRelease release) {
    return new RoundExecuted(release.grant().epoch(), release.grant().round());
  }
}
