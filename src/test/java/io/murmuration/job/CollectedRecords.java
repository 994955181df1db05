package io.murmuration.job;

import io.murmuration.event.RawRecord;
import java.util.ArrayList;
import java.util.List;
import org.apache.flink.api.common.eventtime.Watermark;
import org.apache.flink.api.connector.source.ReaderOutput;
import org.apache.flink.api.connector.source.SourceOutput;

/** What a reader of events gives, of all partitions, in its order. */
class CollectedRecords implements ReaderOutput<RawRecord> {

  final List<RawRecord> records = new ArrayList<>();

  @Override
  public void collect(RawRecord record) {
    records.add(record);
  }

  @Override
  public void collect(RawRecord record, long timestamp) {
    records.add(record);
  }

  @Override
  public void emitWatermark(Watermark watermark) {}

  @Override
  public void markIdle() {}

  @Override
  public void markActive() {}

  @Override
  public SourceOutput<RawRecord> createOutputForSplit(String splitId) {
    return this;
  }

  @Override
  public void releaseOutputForSplit(String splitId) {}
}
