package io.murmuration.event;

import java.io.Serializable;
import java.util.Objects;
import org.apache.kafka.clients.producer.internals.BuiltInPartitioner;

/**
 * What events need where users are counted: a name that may be kept for ever, a place in the topic,
 * and the certainty that all events of a user are read in the order in which they were written.
 *
 * @param pseudonyms the names
 * @param partitions how many partitions the topic has, at least 1
 */
public record UserCounting(UserPseudonyms pseudonyms, int partitions) implements Serializable {

  public UserCounting {
    Objects.requireNonNull(pseudonyms, "pseudonyms");
    if (partitions < 1) {
      throw new IllegalArgumentException("partitions must be at least 1 but is " + partitions);
    }
  }

  /**
   * The event as it is counted. An erasure may stand in any partition, and commonly stands in all:
   * it keeps what has counted, whenever it is read.
   *
   * @throws RejectedRecordException if the record is not in the partition that its key names, by
   *     the rule of Kafka's own producer: after a restore another event of the user could be read
   *     before it
   */
  UserEvent counted(UserEvent event, RawRecord record) throws RejectedRecordException {
    int named = BuiltInPartitioner.partitionForKey(record.key(), partitions);
    if (!event.isErasure() && named != record.partition()) {
      throw new RejectedRecordException(
          RejectionReason.WRONG_PARTITION,
          "the key names partition %d of %d (murmur2) but the record is in %d"
              .formatted(named, partitions, record.partition()));
    }
    return event.of(pseudonyms.of(event.userId())).at(record.partition(), record.offset());
  }
}
