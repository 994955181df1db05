package io.murmuration.bench;

import io.murmuration.privacy.mechanism.BudgetSignal;
import io.murmuration.privacy.mechanism.EpochStart;
import io.murmuration.privacy.mechanism.Grant;
import io.murmuration.privacy.mechanism.Horizon;
import io.murmuration.privacy.mechanism.InputOffsets;
import io.murmuration.privacy.mechanism.IntakeLimit;
import io.murmuration.privacy.mechanism.PublicClock;
import io.murmuration.privacy.mechanism.RoundMechanism;
import java.util.Collections;
import org.apache.flink.streaming.api.operators.AbstractStreamOperator;
import org.apache.flink.streaming.api.operators.OneInputStreamOperator;
import org.apache.flink.streaming.api.watermark.Watermark;
import org.apache.flink.streaming.runtime.streamrecord.StreamRecord;

/** A budget that grants a round for every number it is given: 0 starts the epoch too. */
final class ScriptedBudget extends AbstractStreamOperator<BudgetSignal>
    implements OneInputStreamOperator<Long, BudgetSignal> {

  private static final long serialVersionUID = 1L;
  private static final long EPOCH = 1;
  private static final int PHASE = 1;

  private final RoundMechanism mechanism;
  private final int partitions;

  ScriptedBudget(RoundMechanism mechanism) {
    this(mechanism, /* partitions= */ 0);
  }

  /**
   * The same where users have lifetimes that nobody comes to the end of.
   *
   * @param partitions of the topic of events; 0 where users have none
   */
  ScriptedBudget(RoundMechanism mechanism, int partitions) {
    this.mechanism = mechanism;
    this.partitions = partitions;
  }

  private InputOffsets input(long end) {
    return new InputOffsets(
        "cluster",
        "topic",
        Collections.nCopies(partitions, 0L),
        Collections.nCopies(partitions, end));
  }

  static EpochStart epoch() {
    return new EpochStart(EPOCH, /* firstTick= */ 0);
  }

  static Grant grant(long tick, RoundMechanism mechanism) {
    return new Grant(EPOCH, tick + 1, tick, PHASE, mechanism, 0.1, 1e-6, "");
  }

  @Override
  public void processElement(StreamRecord<Long> record) {
    long tick = record.getValue();
    Grant grant = grant(tick, mechanism);
    if (partitions == 0) {
      if (tick == 0) {
        output.collect(new StreamRecord<>(epoch()));
      }
      output.collect(new StreamRecord<>(grant));
    } else {
      Horizon horizon = new Horizon(1, 1_000_000, 1);
      if (tick == 0) {
        output.collect(new StreamRecord<>(new EpochStart(EPOCH, 0, 0, 0, horizon, input(0))));
      }
      output.collect(
          new StreamRecord<>(new IntakeLimit(EPOCH, grant.round(), input(Long.MAX_VALUE))));
      output.collect(
          new StreamRecord<>(
              new Grant(
                  EPOCH,
                  grant.round(),
                  tick,
                  PHASE,
                  mechanism,
                  0.1,
                  1e-6,
                  "",
                  PublicClock.UNKNOWN,
                  horizon)));
    }
    output.emitWatermark(new Watermark(tick));
  }

  @Override
  public void processWatermark(Watermark mark) {
    // the end of the script is not the end of time
  }
}
