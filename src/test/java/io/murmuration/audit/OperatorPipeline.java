package io.murmuration.audit;

import io.murmuration.contribution.ContributionBounds;
import io.murmuration.contribution.SamplerLife;
import io.murmuration.contribution.UserSample;
import io.murmuration.contribution.UserTurns;
import io.murmuration.privacy.mechanism.EpochStart;
import io.murmuration.privacy.mechanism.Grant;
import io.murmuration.privacy.mechanism.Horizon;
import io.murmuration.privacy.mechanism.PublicClock;
import io.murmuration.privacy.mechanism.RoundMechanism;
import io.murmuration.training.CohortSummation;
import io.murmuration.training.GradientEngine;
import io.murmuration.training.PartialSum;
import io.murmuration.training.PartialSums;
import io.murmuration.training.PartialSums.RoundSum;
import io.murmuration.training.RoundTrainer.ExecutedRound;
import io.murmuration.training.TrainerState;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.apache.flink.runtime.checkpoint.OperatorSubtaskState;

/**
 * The sampling operator, sums of two workers and the private step without a cluster: every tick is
 * granted, and lives end and begin where they should. For planted faults, of which a cluster would
 * only be a slower proof.
 *
 * <p>Three lives, like {@link ClusterPipeline}: two begin from restored state some rounds back.
 */
final class OperatorPipeline {

  /** Rounds that a restore voids. */
  private static final int LOST = 5;

  /** Ticks that pass while a job is down: most due ticks that state holds are past then. */
  private static final int DOWN = 100;

  private static final int WORKERS = 2;

  private final AuditSetting setting;
  private final Plant plant;
  private final SampledCanaries sampled;
  private final List<Execution> tape = new ArrayList<>();
  private OperatorSubtaskState samplerState;
  private Optional<TrainerState> trainerState = Optional.empty();
  private RoundMechanism mechanism;
  private long tick;

  private OperatorPipeline(AuditSetting setting, Plant plant) {
    this.setting = setting;
    this.plant = plant;
    this.sampled = new SampledCanaries(setting, plant);
    RoundMechanism claimed = setting.granted();
    this.mechanism =
        new RoundMechanism(
            claimed.sampler(),
            plant.probabilityFactor() * claimed.samplingProbability(),
            claimed.groupSize(),
            claimed.noiseMultiplier(),
            claimed.clipNorm(),
            claimed.expectedUnits(),
            claimed.query(),
            claimed.correlatedNoise());
  }

  /** Runs all rounds, and returns what was executed in the order of time. */
  static List<Execution> run(AuditSetting setting, Plant plant) throws Exception {
    OperatorPipeline pipeline = new OperatorPipeline(setting, plant);
    for (int life = 1; life <= ClusterPipeline.LIVES; life++) {
      pipeline.live(life);
    }
    return pipeline.tape;
  }

  private void live(int life) throws Exception {
    int end = life * setting.rounds() / ClusterPipeline.LIVES;
    ContributionBounds bounds =
        new ContributionBounds(
            /* windowTicks= */ 1_000_000,
            setting.isUserLevel() ? Canaries.EXAMPLES : setting.groupSize(),
            /* windows= */ 1);
    try (SamplerLife sampler =
            new SamplerLife(
                bounds,
                plant.randomness(),
                samplerState,
                horizon(),
                UserTurns.of(AuditSetting.TURNS),
                /* said= */ life == 1 ? 0 : setting.canaries().events());
        AuditedTrainer trainer = new AuditedTrainer(sampled, plant, trainerState, tape::add)) {
      if (life == 1) {
        Canaries canaries = setting.canaries();
        for (int i = 0; i < canaries.events(); i++) {
          sampler.say(canaries.userOf(i), canaries.textOf(i));
        }
      }
      tick += DOWN;
      EpochStart start = new EpochStart(life, tick);
      sampler.epoch(start, /* lastRound= */ tape.size());
      PartialSums sums = new PartialSums(/* lastEpoch= */ life - 1);
      sums.onEpochStart(start);
      while (tape.size() < end) {
        ExecutedRound executed = round(life, sampler, sums, trainer);
        if (tape.size() == end - LOST) {
          samplerState = sampler.snapshot(life);
          trainerState = Optional.of(executed.outcome().state());
        }
      }
    }
  }

  private Horizon horizon() {
    boolean retire = setting.lifetime() < setting.rounds() && plant.retirement();
    return retire
        ? new Horizon(/* generation= */ 1, setting.lifetime(), /* firstRound= */ 1)
        : null;
  }

  private ExecutedRound round(
      int life, SamplerLife sampler, PartialSums sums, AuditedTrainer trainer) throws Exception {
    Grant grant =
        new Grant(
            life,
            /* round= */ tape.size() + 1,
            tick,
            /* phase= */ 1,
            mechanism,
            setting.epsilon(),
            AuditSetting.DELTA,
            "00",
            PublicClock.UNKNOWN,
            /* horizon= */ null,
            /* roundInPhase= */ tape.size());
    sums.onGrant(grant);
    List<UserSample> samples = plant.samples().apply(sampler.round(grant));
    for (int worker = 0; worker < WORKERS; worker++) {
      add(grant, worker, samples, trainer.state(), sums);
    }
    List<RoundSum> complete = sums.onWatermark(tick);
    if (complete.size() != 1) {
      throw new IllegalStateException("one round must be complete, but are " + complete);
    }
    tick++;
    ExecutedRound executed = trainer.execute(complete.get(0), stepped -> {});
    mechanism = mechanism.withClipNorm(executed.answer().get(0));
    return executed;
  }

  /** What a worker does. */
  private void add(
      Grant grant, int worker, List<UserSample> samples, TrainerState model, PartialSums sums) {
    GradientEngine engine = sampled.engine();
    CohortSummation summation = new CohortSummation(engine, model.parameters(), grant);
    summation.add(
        List.copyOf(
            samples.stream()
                .filter(s -> Math.floorMod(s.userId().hashCode(), WORKERS) == worker)
                .toList()));
    PartialSum.of(grant.epoch(), grant.round(), worker, WORKERS, "canaries", summation.result())
        .forEachRemaining(sums::onPartial);
  }
}
