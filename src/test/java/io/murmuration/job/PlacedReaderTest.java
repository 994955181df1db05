package io.murmuration.job;

import static org.assertj.core.api.Assertions.assertThat;

import io.murmuration.event.RawRecord;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import org.apache.flink.api.connector.source.ReaderOutput;
import org.apache.flink.api.connector.source.SourceReader;
import org.apache.flink.connector.kafka.source.split.KafkaPartitionSplit;
import org.apache.flink.core.io.InputStatus;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.ConsumerRecords;
import org.apache.kafka.clients.consumer.OffsetAndMetadata;
import org.apache.kafka.common.TopicPartition;
import org.junit.jupiter.api.Test;

class PlacedReaderTest {

  private static final TopicPartition PARTITION = new TopicPartition("t", 3);

  private final Kafka kafka = new Kafka();
  private final ReadPositions positions = new ReadPositions();
  private final PlacedReader reader = new PlacedReader(kafka, positions);
  private final CollectedRecords output = new CollectedRecords();

  private static KafkaPartitionSplit at(long offset) {
    return new KafkaPartitionSplit(PARTITION, offset);
  }

  private KafkaPartitionSplit snapshot() {
    return reader.snapshotState(1).get(0);
  }

  private void poll() throws Exception {
    reader.pollNext(output);
  }

  @Test
  void whatIsRestored_isReadOnWithoutAWord() throws Exception {
    reader.addSplits(List.of(at(7)));
    reader.start();
    kafka.has(8);
    poll();
    assertThat(output.records).extracting(RawRecord::isBeginning).containsExactly(false);
    assertThat(snapshot()).isEqualTo(at(9));
  }

  @Test
  void whatIsAssigned_isSaidToBeginBeforeItsFirstRecord() throws Exception {
    reader.start();
    reader.addSplits(List.of(at(7)));
    kafka.has(8);
    poll();
    assertThat(output.records).hasSize(2);
    RawRecord beginning = output.records.get(0);
    assertThat(beginning.isBeginning()).isTrue();
    assertThat(beginning.partition()).isEqualTo(3);
    assertThat(beginning.offset()).isEqualTo(7);
    assertThat(output.records.get(1).isBeginning()).isFalse();
    assertThat(snapshot()).isEqualTo(at(9));
  }

  @Test
  void aCheckpointBeforeItIsSaid_doesNotMakeItUnsaid() throws Exception {
    reader.start();
    reader.addSplits(List.of(at(7)));
    KafkaPartitionSplit state = snapshot();
    Kafka again = new Kafka();
    PlacedReader restored = new PlacedReader(again, new ReadPositions());
    restored.addSplits(List.of(state));
    restored.start();
    assertThat(again.splits).as("what Kafka's reader is given ends nowhere").containsExactly(at(7));
    assertThat(restored.snapshotState(2)).containsExactly(state);
    restored.pollNext(output);
    assertThat(output.records).extracting(RawRecord::isBeginning).containsExactly(true);
    assertThat(restored.snapshotState(3)).containsExactly(at(7));
  }

  @Test
  void positionsLieBehindMarkers_onceEverythingBeforeThemHasLeft() throws Exception {
    reader.addSplits(List.of(at(7)));
    reader.start();
    positions.fetched(fetched(/* next= */ 12, 8, 10));
    assertThat(snapshot()).as("nothing has left").isEqualTo(at(7));
    kafka.has(8);
    poll();
    assertThat(snapshot()).isEqualTo(at(9));
    kafka.has(10);
    poll();
    assertThat(snapshot()).as("11 is a marker").isEqualTo(at(12));
    positions.fetched(fetched(/* next= */ 15));
    assertThat(snapshot()).as("nothing was committed there").isEqualTo(at(15));
    positions.fetched(fetched(/* next= */ 17, 15));
    assertThat(snapshot()).isEqualTo(at(11));
    kafka.has(15);
    poll();
    assertThat(snapshot()).isEqualTo(at(17));
  }

  private static ConsumerRecords<byte[], byte[]> fetched(long next, long... offsets) {
    List<ConsumerRecord<byte[], byte[]>> records = new ArrayList<>();
    for (long offset : offsets) {
      records.add(new ConsumerRecord<>("t", 3, offset, new byte[0], new byte[0]));
    }
    return new ConsumerRecords<>(
        records.isEmpty() ? Map.of() : Map.of(PARTITION, records),
        Map.of(PARTITION, new OffsetAndMetadata(next)));
  }

  /** Emits what it has, one record a poll, each by its split's output. */
  private static final class Kafka implements SourceReader<RawRecord, KafkaPartitionSplit> {
    private final List<KafkaPartitionSplit> splits = new ArrayList<>();
    private final Deque<Long> offsets = new ArrayDeque<>();
    private long next = -1;

    void has(long offset) {
      offsets.add(offset);
    }

    @Override
    public InputStatus pollNext(ReaderOutput<RawRecord> output) {
      if (!offsets.isEmpty()) {
        long offset = offsets.remove();
        output
            .createOutputForSplit("t-3")
            .collect(new RawRecord(new byte[0], new byte[0], "t", 3, offset, 5), 5);
        next = offset + 1;
      }
      return InputStatus.NOTHING_AVAILABLE;
    }

    @Override
    public List<KafkaPartitionSplit> snapshotState(long checkpointId) {
      return next < 0 ? splits : List.of(at(next));
    }

    @Override
    public CompletableFuture<Void> isAvailable() {
      return CompletableFuture.completedFuture(null);
    }

    @Override
    public void start() {}

    @Override
    public void addSplits(List<KafkaPartitionSplit> added) {
      splits.addAll(added);
    }

    @Override
    public void notifyNoMoreSplits() {}

    @Override
    public void close() {}
  }
}
