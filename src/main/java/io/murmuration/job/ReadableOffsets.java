package io.murmuration.job;

import java.util.Collection;
import java.util.HashMap;
import java.util.Map;
import org.apache.flink.connector.kafka.source.enumerator.initializer.OffsetsInitializer;
import org.apache.kafka.clients.consumer.OffsetResetStrategy;
import org.apache.kafka.common.TopicPartition;

/**
 * Where partitions begin that no state knows, where users have lifetimes: at an offset that can be
 * read, and never anywhere else if it turns out that it cannot.
 *
 * @param fromCommitted whether to go on where the group was, as far as that can still be read;
 *     otherwise all that can be read is
 */
record ReadableOffsets(boolean fromCommitted) implements OffsetsInitializer {

  @Override
  public Map<TopicPartition, Long> getPartitionOffsets(
      Collection<TopicPartition> partitions, PartitionOffsetsRetriever retriever) {
    Map<TopicPartition, Long> offsets = new HashMap<>(retriever.beginningOffsets(partitions));
    if (fromCommitted) {
      retriever
          .committedOffsets(partitions)
          .forEach((partition, offset) -> offsets.merge(partition, offset, Math::max));
    }
    return offsets;
  }

  @Override
  public OffsetResetStrategy getAutoOffsetResetStrategy() {
    return OffsetResetStrategy.NONE;
  }
}
