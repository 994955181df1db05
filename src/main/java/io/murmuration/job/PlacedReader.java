package io.murmuration.job;

import io.murmuration.event.RawRecord;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.List;
import org.apache.flink.api.connector.source.ReaderOutput;
import org.apache.flink.api.connector.source.SourceReader;
import org.apache.flink.connector.kafka.source.split.KafkaPartitionSplit;
import org.apache.flink.core.io.InputStatus;

/**
 * What counting users' lifetimes needs of a reader. Before the first record of a partition with
 * which no state told it to go on, and before the first checkpoint that holds a position of it, it
 * {@linkplain RawRecord#beginning says} where that begins, so that the sampler sees whether it goes
 * on from a state that the source lacks. And positions in the state lie behind whatever is no
 * record, so that retention may remove that.
 *
 * <p>A partition of which that is not said yet has {@link #UNSAID} for the offset at which it stops
 * in the state, which is no offset of any record; everybody else's source would read on for ever.
 */
final class PlacedReader extends ForwardingReader {

  private static final long UNSAID = Long.MAX_VALUE;

  private final ReadPositions positions;
  private final Deque<KafkaPartitionSplit> unsaid = new ArrayDeque<>();
  private boolean started;

  /**
   * Puts it behind a reader.
   *
   * @param reader reads without an end
   * @param positions where the reader's consumer stands
   */
  PlacedReader(SourceReader<RawRecord, KafkaPartitionSplit> reader, ReadPositions positions) {
    super(reader);
    this.positions = positions;
  }

  /** Flink adds what it restores before it starts the reader, and what is assigned after it. */
  @Override
  public void addSplits(List<KafkaPartitionSplit> splits) {
    for (KafkaPartitionSplit split : splits) {
      if (started || isUnsaid(split)) {
        unsaid.add(split);
      }
    }
    super.addSplits(splits.stream().map(split -> from(split, split.getStartingOffset())).toList());
  }

  private static boolean isUnsaid(KafkaPartitionSplit split) {
    return split.getStoppingOffset().filter(offset -> offset == UNSAID).isPresent();
  }

  private static KafkaPartitionSplit from(KafkaPartitionSplit split, long offset) {
    return new KafkaPartitionSplit(split.getTopicPartition(), offset);
  }

  @Override
  public void start() {
    started = true;
    super.start();
  }

  @Override
  public InputStatus pollNext(ReaderOutput<RawRecord> output) throws Exception {
    while (!unsaid.isEmpty()) {
      KafkaPartitionSplit next = unsaid.remove();
      output.collect(
          RawRecord.beginning(next.getTopic(), next.getPartition(), next.getStartingOffset()));
    }
    return super.pollNext(output);
  }

  @Override
  public List<KafkaPartitionSplit> snapshotState(long checkpointId) {
    return super.snapshotState(checkpointId).stream().map(this::placed).toList();
  }

  private KafkaPartitionSplit placed(KafkaPartitionSplit split) {
    boolean isUnsaid = unsaid.stream().anyMatch(other -> other.splitId().equals(split.splitId()));
    return isUnsaid
        ? new KafkaPartitionSplit(split.getTopicPartition(), split.getStartingOffset(), UNSAID)
        : from(
            split, positions.behindMarkers(split.getTopicPartition(), split.getStartingOffset()));
  }
}
