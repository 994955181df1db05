package io.murmuration.job;

import static org.assertj.core.api.Assertions.assertThat;

import io.murmuration.event.RawRecord;
import io.murmuration.event.RecordGate;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.List;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import org.apache.flink.api.connector.source.ReaderOutput;
import org.apache.flink.api.connector.source.SourceOutput;
import org.apache.flink.api.connector.source.SourceReader;
import org.apache.flink.connector.kafka.source.split.KafkaPartitionSplit;
import org.apache.flink.core.io.InputStatus;
import org.apache.kafka.common.TopicPartition;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** The gate behind Kafka's reader: nothing is lost, doubled or overtaken, and checkpoints go on. */
@Timeout(120)
class GatedReaderTest {

  private final Partition partition = new Partition();
  private final Gate gate = new Gate();
  private final Collected output = new Collected();
  private final GatedReader reader = new GatedReader(partition, gate);

  @AfterEach
  void close() throws Exception {
    reader.close();
  }

  @Test
  void recordsPassWhileTheGateIsOpen() throws Exception {
    partition.with(0, 1, 2);
    drain();
    assertThat(output.offsets()).containsExactly(0L, 1L, 2L);
    assertThat(position()).isEqualTo(3);
  }

  @Test
  void aRecordIsKept_checkpointsBeginWithIt_andItComesFirstWhenTheGateOpens() throws Exception {
    partition.with(0, 1, 2);
    gate.shutFor.add(1L);
    drain();
    assertThat(output.offsets()).containsExactly(0L);
    assertThat(reader.isAvailable()).isNotDone();
    assertThat(position()).isEqualTo(1);
    assertThat(reader.pollNext(output)).isEqualTo(InputStatus.NOTHING_AVAILABLE);

    gate.open(1L);
    reader.isAvailable().get(60, TimeUnit.SECONDS);
    drain();
    assertThat(output.offsets()).containsExactly(0L, 1L, 2L);
    assertThat(position()).isEqualTo(3);
  }

  @Test
  void closingEndsTheWait() throws Exception {
    partition.with(0);
    gate.shutFor.add(0L);
    drain();
    gate.waits.await();
    reader.close();
    assertThat(gate.interrupted.get(60, TimeUnit.SECONDS)).isTrue();
    assertThat(partition.closed).isTrue();
  }

  private void drain() throws Exception {
    InputStatus status = InputStatus.MORE_AVAILABLE;
    while (status == InputStatus.MORE_AVAILABLE) {
      status = reader.pollNext(output);
    }
  }

  private long position() {
    return reader.snapshotState(1).get(0).getStartingOffset();
  }

  /** One partition, a record a poll, as Kafka's reader does. */
  private static final class Partition implements SourceReader<RawRecord, KafkaPartitionSplit> {
    private final Deque<RawRecord> records = new ArrayDeque<>();
    private SourceOutput<RawRecord> output;
    private long next;
    private boolean closed;

    void with(long... offsets) {
      for (long offset : offsets) {
        records.add(new RawRecord(new byte[0], new byte[0], "t", 0, offset, 5));
      }
    }

    @Override
    public InputStatus pollNext(ReaderOutput<RawRecord> given) {
      if (records.isEmpty()) {
        return InputStatus.NOTHING_AVAILABLE;
      }
      if (output == null) {
        output = given.createOutputForSplit("t-0");
      }
      RawRecord record = records.remove();
      output.collect(record, record.timestampMillis());
      next = record.offset() + 1;
      return InputStatus.MORE_AVAILABLE;
    }

    @Override
    public List<KafkaPartitionSplit> snapshotState(long checkpointId) {
      return List.of(new KafkaPartitionSplit(new TopicPartition("t", 0), next));
    }

    @Override
    public CompletableFuture<Void> isAvailable() {
      return CompletableFuture.completedFuture(null);
    }

    @Override
    public void start() {}

    @Override
    public void addSplits(List<KafkaPartitionSplit> splits) {}

    @Override
    public void notifyNoMoreSplits() {}

    @Override
    public void close() {
      closed = true;
    }
  }

  /** Shut for the offsets that it is told. */
  private static final class Gate implements RecordGate {
    private final Set<Long> shutFor = ConcurrentHashMap.newKeySet();
    private final CountDownLatch waits = new CountDownLatch(1);
    private final CompletableFuture<Boolean> interrupted = new CompletableFuture<>();
    private final Object change = new Object();

    void open(long offset) {
      synchronized (change) {
        shutFor.remove(offset);
        change.notifyAll();
      }
    }

    @Override
    public boolean isOpenFor(RawRecord record) {
      return !shutFor.contains(record.offset());
    }

    @Override
    public void await(RawRecord record) throws InterruptedException {
      waits.countDown();
      try {
        synchronized (change) {
          while (!isOpenFor(record)) {
            change.wait();
          }
        }
      } catch (InterruptedException e) {
        interrupted.complete(true);
        throw e;
      }
    }

    @Override
    public boolean isAway() {
      return !shutFor.isEmpty();
    }
  }

  private static final class Collected extends CollectedRecords {

    List<Long> offsets() {
      return records.stream().map(RawRecord::offset).toList();
    }

    @Override
    public void collect(RawRecord record) {
      throw new AssertionError("Kafka's reader gives timestamps");
    }

    @Override
    public void collect(RawRecord record, long timestamp) {
      assertThat(timestamp).isEqualTo(5);
      super.collect(record, timestamp);
    }
  }
}
