package io.murmuration.contribution;

import io.murmuration.event.UserEvent;
import io.murmuration.privacy.mechanism.EpochStart;
import io.murmuration.privacy.mechanism.Grant;
import io.murmuration.privacy.mechanism.Horizon;
import io.murmuration.privacy.mechanism.InputOffsets;
import io.murmuration.privacy.mechanism.IntakeLimit;
import java.util.List;
import org.apache.flink.runtime.checkpoint.OperatorSubtaskState;
import org.apache.flink.streaming.api.watermark.Watermark;
import org.apache.flink.streaming.runtime.streamrecord.StreamRecord;
import org.apache.flink.util.InstantiationUtil;

/** One life of the sampling operator for an audit, tick by tick, from a snapshot or without one. */
public final class SamplerLife implements AutoCloseable {

  private static final SamplerIdentity IDENTITY =
      new SamplerIdentity("key", "rules", /* partitions= */ 1);

  private final SamplerHarness harness;
  private final Horizon horizon;
  private long said;

  /** Begins a life of a sampler whose users have no lifetime. */
  public SamplerLife(ContributionBounds bounds, Randomness randomness, OperatorSubtaskState state)
      throws Exception {
    this(bounds, randomness, state, /* horizon= */ null, UserTurns.NONE, /* said= */ 0);
  }

  /**
   * Begins a life.
   *
   * @param randomness as the job graph carries it: a copy is used
   * @param state what is restored; null at the first start
   * @param horizon the lifetime of users; null where they have none
   * @param turns whose turn a round is where noise is correlated
   * @param said how many events earlier lives were told
   */
  public SamplerLife(
      ContributionBounds bounds,
      Randomness randomness,
      OperatorSubtaskState state,
      Horizon horizon,
      UserTurns turns,
      long said)
      throws Exception {
    this.horizon = horizon;
    this.said = said;
    harness =
        new SamplerHarness(
            new BoundAndSampleOperator(
                bounds,
                horizon == null ? null : IDENTITY,
                turns,
                InstantiationUtil.clone(randomness),
                SamplerHarness.NEVER_OVER),
            /* parallelism= */ 1,
            /* subtask= */ 0);
    if (state == null) {
      harness.open();
    } else {
      harness.restore(state);
    }
  }

  /** The budget announces its epoch, and nothing was charged before. */
  public void epoch(EpochStart start) throws Exception {
    epoch(start, /* lastRound= */ 0);
  }

  /**
   * The budget announces its epoch.
   *
   * @param lastRound the last that is charged, by the epoch before
   */
  public void epoch(EpochStart start, long lastRound) throws Exception {
    harness.startEpoch(
        horizon == null
            ? start
            : new EpochStart(
                start.epoch(),
                start.firstTick(),
                lastRound,
                /* lastChargingEpoch= */ lastRound == 0 ? 0 : start.epoch() - 1,
                horizon,
                input()));
  }

  /** All that was said so far. */
  private InputOffsets input() {
    return new InputOffsets("cluster", "topic", List.of(0L), List.of(said));
  }

  /** A user says something. */
  public void say(String userId, String text) throws Exception {
    harness.flink.processElement1(
        new StreamRecord<>(
            UserEvent.interaction(
                    userId, "e" + said, /* eventTimeMillis= */ 1, /* prompt= */ null, text)
                .at(/* partition= */ 0, ++said)));
  }

  /** Grants a round, closes its tick, and returns what was sampled. */
  public List<UserSample> round(Grant grant) throws Exception {
    if (horizon == null) {
      harness.signal(grant);
    } else {
      harness.signal(new IntakeLimit(grant.epoch(), grant.round(), input()));
      harness.signal(
          new Grant(
              grant.epoch(),
              grant.round(),
              grant.tick(),
              grant.phase(),
              grant.mechanism(),
              grant.epsilonSpent(),
              grant.delta(),
              grant.ledgerHash(),
              grant.clock(),
              horizon,
              grant.roundInPhase()));
    }
    harness.flink.processWatermark2(new Watermark(grant.tick()));
    return harness.samples();
  }

  /** A snapshot of keyed state and timers. */
  public OperatorSubtaskState snapshot(long checkpoint) throws Exception {
    return harness.flink.snapshot(checkpoint, /* timestamp= */ checkpoint);
  }

  @Override
  public void close() throws Exception {
    harness.close();
  }
}
