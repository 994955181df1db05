package io.murmuration.job;

import io.murmuration.event.RawRecord;
import org.apache.flink.api.connector.source.ReaderOutput;
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
final class LostRecordsReader extends ForwardingReader {

  LostRecordsReader(SourceReader<RawRecord, KafkaPartitionSplit> reader) {
    super(reader);
  }

  @Override
  public InputStatus pollNext(ReaderOutput<RawRecord> output) throws Exception {
    try {
      return super.pollNext(output);
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
}
