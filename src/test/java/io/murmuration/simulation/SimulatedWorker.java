package io.murmuration.simulation;

import io.murmuration.contribution.CohortRecord;
import io.murmuration.contribution.UserSample;
import io.murmuration.privacy.mechanism.EpochStart;
import io.murmuration.privacy.mechanism.Grant;
import io.murmuration.privacy.mechanism.ModelVersion;
import io.murmuration.privacy.noise.SeededNoise;
import io.murmuration.simulation.Elements.Tick;
import io.murmuration.training.ClippedSum;
import io.murmuration.training.CohortSummation;
import io.murmuration.training.ParameterStore;
import io.murmuration.training.ParameterStore.Key;
import io.murmuration.training.PartialSum;
import io.murmuration.training.QuadraticEngine;
import io.murmuration.training.WorkerRounds;
import io.murmuration.training.WorkerRounds.Begun;
import java.io.IOException;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Collections;
import java.util.Deque;
import java.util.Iterator;
import java.util.List;
import java.util.SplittableRandom;
import java.util.TreeMap;
import java.util.function.Consumer;

/**
 * One of the workers of {@code gradients}: the real rounds and sums, the real way to parameters.
 */
final class SimulatedWorker {

  /** The parameters that a round needs are gone: the attempt fails. */
  static final class ModelEvictedException extends RuntimeException {
    private static final long serialVersionUID = 1L;

    private final transient ModelVersion model;

    ModelEvictedException(ModelVersion model, IOException cause) {
      super(cause);
      this.model = model;
    }

    ModelVersion model() {
      return model;
    }
  }

  /** A round that is summed up, once its records are complete. */
  private record Work(Begun round, List<CohortRecord> records) {}

  private final int index;
  private final int workers;
  private final Bug bug;
  private final ParameterStore parameters;
  private final SplittableRandom random;
  private final Consumer<Object> output;
  private final WorkerRounds rounds;
  private final QuadraticEngine engine = new QuadraticEngine(SimulatedTrainer.PARAMETERS);
  private final TreeMap<Long, List<CohortRecord>> recordsByTick = new TreeMap<>();
  private final TreeMap<Long, Begun> begun = new TreeMap<>();
  private final Deque<Work> complete = new ArrayDeque<>();
  private long samplesTick = Long.MIN_VALUE;
  private long signalsTick = Long.MIN_VALUE;
  private long closedTick = Long.MIN_VALUE;
  private Grant sending;
  private Iterator<PartialSum> chunks = Collections.emptyIterator();
  private float[] first;

  SimulatedWorker(
      int index,
      int workers,
      long restoredEpoch,
      Bug bug,
      ParameterStore parameters,
      SplittableRandom random,
      Consumer<Object> output) {
    this.index = index;
    this.workers = workers;
    this.bug = bug;
    this.parameters = parameters;
    this.random = random;
    this.output = output;
    this.rounds = new WorkerRounds(restoredEpoch);
  }

  long lastEpoch() {
    return rounds.lastEpoch();
  }

  void takeSample(Object element) {
    if (element instanceof Tick tick) {
      samplesTick = tick.tick();
      close();
    } else {
      UserSample sample = (UserSample) element;
      if (!rounds.isStale(sample)) {
        recordsByTick.computeIfAbsent(sample.tick(), tick -> new ArrayList<>()).add(sample);
      }
    }
  }

  void takeSignal(Object element) {
    if (element instanceof Tick tick) {
      signalsTick = tick.tick();
      close();
    } else if (element instanceof EpochStart start) {
      rounds.onEpochStart(start);
    } else if (element instanceof ModelVersion model) {
      rounds.onModel(model);
    } else {
      rounds.onGrant((Grant) element).ifPresent(round -> begun.put(round.grant().tick(), round));
    }
  }

  private void close() {
    long tick = Math.min(samplesTick, signalsTick);
    if (tick <= closedTick) {
      return;
    }
    closedTick = tick;
    for (Grant grant : rounds.onWatermark(tick)) {
      List<CohortRecord> records = recordsByTick.remove(grant.tick());
      complete.add(new Work(begun.remove(grant.tick()), records == null ? List.of() : records));
    }
    sendTicks();
  }

  private void sendTicks() {
    rounds.watermark().ifPresent(tick -> output.accept(new Tick(tick)));
  }

  boolean canSum() {
    return sending == null && !complete.isEmpty();
  }

  /** Adds up a round, on the worker's thread. */
  void sum() {
    Work work = complete.remove();
    ModelVersion model = work.round().model();
    float[] at = parametersOf(model);
    if (bug == Bug.STALE_MODEL) {
      first = first == null ? at : first;
      at = first;
    }
    CohortSummation summation = new CohortSummation(engine, at, work.round().grant());
    summation.add(work.records());
    ClippedSum sum = summation.result();
    if (bug == Bug.NOISE_BY_EVERY_WORKER) {
      SeededNoise.of(random.nextLong()).addTo(sum.sum());
    }
    sending = work.round().grant();
    chunks = PartialSum.of(sending.epoch(), sending.round(), index, workers, model.digest(), sum);
  }

  private float[] parametersOf(ModelVersion model) {
    try {
      return parameters.get(Key.ofParameters(model));
    } catch (IOException e) {
      throw new ModelEvictedException(model, e);
    }
  }

  boolean canSend() {
    return sending != null;
  }

  /** Sends one chunk, on the task's thread. */
  void send() {
    output.accept(chunks.next());
    if (!chunks.hasNext()) {
      rounds.left(sending);
      sending = null;
      sendTicks();
    }
  }
}
