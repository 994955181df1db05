package io.murmuration.job;

import io.murmuration.event.RawRecord;
import java.io.Serializable;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentMap;
import org.apache.flink.connector.kafka.source.KafkaSource;
import org.apache.kafka.clients.consumer.ConsumerConfig;
import org.apache.kafka.clients.consumer.ConsumerInterceptor;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.ConsumerRecords;
import org.apache.kafka.clients.consumer.OffsetAndMetadata;
import org.apache.kafka.common.TopicPartition;

/**
 * Where the consumer of one reader stands, behind what takes offsets and is no record: markers at
 * the end of transactions, and what was taken back. Flink's source knows the last record alone, and
 * one more than its offset is a place that retention may remove although nothing is lost.
 *
 * <p>Written by the thread that fetches, read by the task's.
 */
final class ReadPositions {

  private static final String PROPERTY = "murmuration.read-positions";

  private final ConcurrentMap<TopicPartition, Fetched> fetched = new ConcurrentHashMap<>();

  /**
   * How far a partition was fetched.
   *
   * @param behindRecords one more than the offset of the last record, 0 if there was none yet
   * @param next where the consumer stands: there is no record from {@code behindRecords} up to here
   */
  private record Fetched(long behindRecords, long next) {}

  /** Makes a source whose readers' consumers tell where they stand. */
  @FunctionalInterface
  interface Source extends Serializable {
    /** The source of one reader. */
    KafkaSource<RawRecord> telling(ReadPositions positions);
  }

  /** Properties of a consumer that tells these where it stands. */
  Properties told(Properties consumer) {
    Properties telling = new Properties();
    telling.putAll(consumer);
    telling.put(PROPERTY, this);
    telling.merge(
        ConsumerConfig.INTERCEPTOR_CLASSES_CONFIG,
        Teller.class.getName(),
        (others, teller) -> others + "," + teller);
    return telling;
  }

  /**
   * The same position, or one behind it with no record between.
   *
   * @param position one more than the offset of the last record that left the reader
   */
  long behindMarkers(TopicPartition partition, long position) {
    Fetched last = fetched.get(partition);
    return last != null && position >= last.behindRecords()
        ? Math.max(position, last.next())
        : position;
  }

  /** A consumer fetched something, or found that there is nothing up to a place. */
  void fetched(ConsumerRecords<byte[], byte[]> records) {
    for (Map.Entry<TopicPartition, OffsetAndMetadata> next : records.nextOffsets().entrySet()) {
      List<ConsumerRecord<byte[], byte[]>> some = records.records(next.getKey());
      fetched.merge(
          next.getKey(),
          new Fetched(
              some.isEmpty() ? 0 : some.get(some.size() - 1).offset() + 1,
              next.getValue().offset()),
          (before, now) ->
              new Fetched(Math.max(before.behindRecords(), now.behindRecords()), now.next()));
    }
  }

  /** Called by Kafka's consumer, which makes it by its name. */
  public static final class Teller implements ConsumerInterceptor<byte[], byte[]> {

    private ReadPositions positions;

    @Override
    public void configure(Map<String, ?> configuration) {
      positions = (ReadPositions) configuration.get(PROPERTY);
    }

    @Override
    public ConsumerRecords<byte[], byte[]> onConsume(ConsumerRecords<byte[], byte[]> records) {
      positions.fetched(records);
      return records;
    }

    @Override
    public void onCommit(Map<TopicPartition, OffsetAndMetadata> offsets) {
      // what is committed decides nothing
    }

    @Override
    public void close() {
      // holds nothing
    }
  }
}
