package io.murmuration.privacy.mechanism;

import java.util.List;

/**
 * The topic of events at one moment: what it is, and what each of its partitions holds. Causes, not
 * clocks: what an attempt can have read by then lies below {@link #end}. A number of events is a
 * function of private data, so this never leaves the trust boundary.
 *
 * @param clusterId the broker cluster's id
 * @param topicId the topic's id, which a topic that is created anew does not share
 * @param begins by partition the first offset that can still be read
 * @param ends by partition the offset that the next record will get
 */
public record InputOffsets(String clusterId, String topicId, List<Long> begins, List<Long> ends) {

  public InputOffsets {
    Checks.text("cluster id", clusterId);
    Checks.text("topic id", topicId);
    begins = List.copyOf(begins);
    ends = List.copyOf(ends);
    if (begins.size() != ends.size()) {
      throw new IllegalArgumentException(
          "each partition must have a begin and an end but there are %d and %d"
              .formatted(begins.size(), ends.size()));
    }
    for (int i = 0; i < ends.size(); i++) {
      Checks.atLeast("begin of partition " + i, begins.get(i), 0);
      Checks.atLeast("end of partition " + i, ends.get(i), begins.get(i));
    }
  }

  /** How many partitions the topic has. */
  public int partitions() {
    return ends.size();
  }

  /** The offset that the partition's next record will get; 0 for a partition that is not there. */
  public long end(int partition) {
    return partition < ends.size() ? ends.get(partition) : 0;
  }
}
