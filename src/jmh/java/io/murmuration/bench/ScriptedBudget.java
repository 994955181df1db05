package io.murmuration.bench;

import io.murmuration.privacy.mechanism.BudgetSignal;
import io.murmuration.privacy.mechanism.EpochStart;
import io.murmuration.privacy.mechanism.Grant;
import io.murmuration.privacy.mechanism.RoundMechanism;
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

  ScriptedBudget(RoundMechanism mechanism) {
    this.mechanism = mechanism;
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
    if (tick == 0) {
      output.collect(new StreamRecord<>(epoch()));
    }
    output.collect(new StreamRecord<>(grant(tick, mechanism)));
    output.emitWatermark(new Watermark(tick));
  }

  @Override
  public void processWatermark(Watermark mark) {
    // the end of the script is not the end of time
  }
}
