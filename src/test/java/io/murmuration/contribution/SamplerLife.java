package io.murmuration.contribution;

import io.murmuration.privacy.mechanism.EpochStart;
import io.murmuration.privacy.mechanism.Grant;
import java.util.List;
import org.apache.flink.runtime.checkpoint.OperatorSubtaskState;
import org.apache.flink.streaming.api.watermark.Watermark;
import org.apache.flink.util.InstantiationUtil;

/** One life of the sampling operator for an audit, tick by tick, from a snapshot or without one. */
public final class SamplerLife implements AutoCloseable {

  private final SamplerHarness harness;

  /**
   * Begins a life.
   *
   * @param randomness as the job graph carries it: a copy is used
   * @param state what is restored; null at the first start
   */
  public SamplerLife(ContributionBounds bounds, Randomness randomness, OperatorSubtaskState state)
      throws Exception {
    harness =
        new SamplerHarness(
            new BoundAndSampleOperator(
                bounds, InstantiationUtil.clone(randomness), SamplerHarness.NEVER_OVER),
            /* parallelism= */ 1,
            /* subtask= */ 0);
    if (state == null) {
      harness.open();
    } else {
      harness.restore(state);
    }
  }

  /** The budget announces its epoch. */
  public void epoch(EpochStart start) throws Exception {
    harness.epoch(start.epoch(), start.firstTick());
  }

  /** A user says something. */
  public void say(String userId, String text) throws Exception {
    harness.say(userId, text);
  }

  /** Grants a round, closes its tick, and returns what was sampled. */
  public List<UserSample> round(Grant grant) throws Exception {
    harness.signal(grant);
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
