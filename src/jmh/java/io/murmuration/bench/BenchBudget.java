package io.murmuration.bench;

import io.murmuration.privacy.budget.BudgetSignal;
import io.murmuration.privacy.budget.EpochStart;
import io.murmuration.privacy.budget.Grant;
import io.murmuration.privacy.budget.RoundMechanism;
import io.murmuration.privacy.budget.Sampler;
import io.murmuration.serialization.ValueSerializer;
import java.io.IOException;
import org.apache.flink.core.memory.DataInputView;
import org.apache.flink.core.memory.DataOutputView;
import org.apache.flink.streaming.api.operators.AbstractStreamOperator;
import org.apache.flink.streaming.api.operators.OneInputStreamOperator;
import org.apache.flink.streaming.api.watermark.Watermark;
import org.apache.flink.streaming.runtime.streamrecord.StreamRecord;

/** A budget that starts an epoch and grants its first tick, so that clocks are drawn and armed. */
final class BenchBudget extends AbstractStreamOperator<BudgetSignal>
    implements OneInputStreamOperator<Long, BudgetSignal> {

  private static final long serialVersionUID = 1L;
  private static final RoundMechanism MECHANISM =
      new RoundMechanism(Sampler.ULS, 0.01, 8, 1, 1, 1000);

  @Override
  public void processElement(StreamRecord<Long> record) {
    output.collect(new StreamRecord<>(new EpochStart(1, 0)));
    output.collect(new StreamRecord<>(new Grant(1, 1, 0, 1, MECHANISM, 0.1, 1e-6, "")));
    output.emitWatermark(new Watermark(0));
  }

  @Override
  public void processWatermark(Watermark mark) {
    // the end of the bench's input is not the end of time
  }

  /** Writes no more of a signal than this bench sends. */
  static final class Signals extends ValueSerializer<BudgetSignal> {
    private static final long serialVersionUID = 1L;

    public Signals() {}

    @Override
    protected int version() {
      return 1;
    }

    @Override
    protected void write(BudgetSignal signal, DataOutputView out) throws IOException {
      out.writeBoolean(signal instanceof Grant);
    }

    @Override
    protected BudgetSignal read(int version, DataInputView in) throws IOException {
      return in.readBoolean()
          ? new Grant(1, 1, 0, 1, MECHANISM, 0.1, 1e-6, "")
          : new EpochStart(1, 0);
    }
  }
}
