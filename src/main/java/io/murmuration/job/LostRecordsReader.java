package io.murmuration.job;

import io.murmuration.event.RawRecord;
import java.util.Collection;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import org.apache.flink.api.connector.source.ReaderOutput;
import org.apache.flink.api.connector.source.SourceEvent;
import org.apache.flink.api.connector.source.SourceReader;
import org.apache.flink.connector.kafka.source.split.KafkaPartitionSplit;
import org.apache.flink.core.io.InputStatus;
import org.apache.flink.runtime.execution.SuppressRestartsException;
import org.apache.flink.util.ExceptionUtils;
import org.apache.kafka.clients.consumer.InvalidOffsetException;

/**
 * Ends the job for good where records are gone before they were read, which every restart would
 * meet again. Kafka's consumer says so only where it is told not to start elsewhere.
 */
final class LostRecordsReader implements SourceReader<RawRecord, KafkaPartitionSplit> {

  private final SourceReader<RawRecord, KafkaPartitionSplit> reader;

  LostRecordsReader(SourceReader<RawRecord, KafkaPartitionSplit> reader) {
    this.reader = reader;
  }

  @Override
  public InputStatus pollNext(ReaderOutput<RawRecord> output) throws Exception {
    try {
      return reader.pollNext(output);
    } catch (Exception e) {
      InvalidOffsetException lost =
          ExceptionUtils.findThrowable(e, InvalidOffsetException.class).orElse(null);
      if (lost == null) {
        throw e;
      }
      throw new SuppressRestartsException(
          new IllegalStateException(
              "Users' lifetimes cannot be counted on: records of %s are gone before they were read, and rounds may have been taken from them; give the topic a longer retention, and begin a new generation without this state (--new-generation)"
                  .formatted(lost.partitions()),
              e));
    }
  }

  @Override
  public void start() {
    reader.start();
  }

  @Override
  public List<KafkaPartitionSplit> snapshotState(long checkpointId) {
    return reader.snapshotState(checkpointId);
  }

  @Override
  public CompletableFuture<Void> isAvailable() {
    return reader.isAvailable();
  }

  @Override
  public void addSplits(List<KafkaPartitionSplit> splits) {
    reader.addSplits(splits);
  }

  @Override
  public void notifyNoMoreSplits() {
    reader.notifyNoMoreSplits();
  }

  @Override
  public void handleSourceEvents(SourceEvent event) {
    reader.handleSourceEvents(event);
  }

  @Override
  public void notifyCheckpointComplete(long checkpointId) throws Exception {
    reader.notifyCheckpointComplete(checkpointId);
  }

  @Override
  public void notifyCheckpointAborted(long checkpointId) throws Exception {
    reader.notifyCheckpointAborted(checkpointId);
  }

  @Override
  public void pauseOrResumeSplits(Collection<String> pause, Collection<String> resume) {
    reader.pauseOrResumeSplits(pause, resume);
  }

  @Override
  public void close() throws Exception {
    reader.close();
  }
}
