package io.murmuration.job;

import io.murmuration.event.RawRecord;
import io.murmuration.event.RecordGate;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import java.util.OptionalLong;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import org.apache.flink.api.common.eventtime.Watermark;
import org.apache.flink.api.connector.source.ReaderOutput;
import org.apache.flink.api.connector.source.SourceOutput;
import org.apache.flink.api.connector.source.SourceReader;
import org.apache.flink.connector.kafka.source.split.KafkaPartitionSplit;
import org.apache.flink.core.io.InputStatus;

/**
 * Keeps a record for which the gate is shut, and gives nothing more until it opens. The task's
 * thread never waits: another one does, and wakes it.
 *
 * <p>A checkpoint taken meanwhile begins with the record that is kept: the position of its
 * partition is put back to it. (The offset that is committed to Kafka with that checkpoint is one
 * further; it serves to watch the lag.) Everything but {@link RecordGate#await} runs on the task's
 * thread.
 */
final class GatedReader extends ForwardingReader {

  private final RecordGate gate;
  private final ExecutorService waiter =
      Executors.newSingleThreadExecutor(
          task -> {
            Thread thread = new Thread(task, "await-schema");
            thread.setDaemon(true);
            return thread;
          });
  private final Deque<Kept> kept = new ArrayDeque<>();
  private CompletableFuture<Void> opened = CompletableFuture.completedFuture(null);
  private ReaderOutput<RawRecord> output;
  private ReaderOutput<RawRecord> gated;

  /** A record, and where it goes. */
  private record Kept(RawRecord record, long timestamp, SourceOutput<RawRecord> output) {}

  /**
   * Puts a gate behind a reader.
   *
   * @param reader emits records of {@link KafkaPartitionSplit}s in order
   */
  GatedReader(SourceReader<RawRecord, KafkaPartitionSplit> reader, RecordGate gate) {
    super(reader);
    this.gate = gate;
  }

  @Override
  public InputStatus pollNext(ReaderOutput<RawRecord> given) throws Exception {
    while (!kept.isEmpty()) {
      if (!opened.isDone()) {
        return InputStatus.NOTHING_AVAILABLE;
      }
      // what failed there fails here
      opened.get();
      Kept first = kept.getFirst();
      if (!gate.isOpenFor(first.record())) {
        await(first);
        continue;
      }
      kept.removeFirst();
      first.output().collect(first.record(), first.timestamp());
    }
    if (given != output) {
      output = given;
      gated = new GatedOutput(given);
    }
    InputStatus status = super.pollNext(gated);
    return kept.isEmpty() ? status : InputStatus.NOTHING_AVAILABLE;
  }

  private void keep(RawRecord record, long timestamp, SourceOutput<RawRecord> to) {
    Kept next = new Kept(record, timestamp, to);
    if (kept.isEmpty()) {
      await(next);
    }
    kept.addLast(next);
  }

  private void await(Kept next) {
    opened =
        CompletableFuture.runAsync(
            () -> {
              try {
                gate.await(next.record());
              } catch (InterruptedException e) {
                // only close() interrupts, and nobody asks after it
                Thread.currentThread().interrupt();
              }
            },
            waiter);
  }

  @Override
  public CompletableFuture<Void> isAvailable() {
    return kept.isEmpty() ? super.isAvailable() : opened;
  }

  @Override
  public List<KafkaPartitionSplit> snapshotState(long checkpointId) {
    List<KafkaPartitionSplit> splits = new ArrayList<>();
    for (KafkaPartitionSplit split : super.snapshotState(checkpointId)) {
      OptionalLong first =
          kept.stream()
              .map(Kept::record)
              .filter(
                  record ->
                      record.partition() == split.getPartition()
                          && record.topic().equals(split.getTopic()))
              .mapToLong(RawRecord::offset)
              .min();
      splits.add(
          first.isPresent()
              ? new KafkaPartitionSplit(
                  split.getTopicPartition(),
                  first.getAsLong(),
                  split.getStoppingOffset().orElse(KafkaPartitionSplit.NO_STOPPING_OFFSET))
              : split);
    }
    return splits;
  }

  @Override
  public void close() throws Exception {
    waiter.shutdownNow();
    super.close();
  }

  /** Lets through what may pass; of a split, or of the reader as a whole. */
  private class GatedSplitOutput<O extends SourceOutput<RawRecord>>
      implements SourceOutput<RawRecord> {

    final O to;

    GatedSplitOutput(O to) {
      this.to = to;
    }

    @Override
    public void collect(RawRecord record) {
      collect(record, record.timestampMillis());
    }

    @Override
    public void collect(RawRecord record, long timestamp) {
      if (kept.isEmpty() && gate.isOpenFor(record)) {
        to.collect(record, timestamp);
      } else {
        keep(record, timestamp, to);
      }
    }

    @Override
    public void emitWatermark(Watermark watermark) {
      to.emitWatermark(watermark);
    }

    @Override
    public void markIdle() {
      to.markIdle();
    }

    @Override
    public void markActive() {
      to.markActive();
    }
  }

  private final class GatedOutput extends GatedSplitOutput<ReaderOutput<RawRecord>>
      implements ReaderOutput<RawRecord> {

    GatedOutput(ReaderOutput<RawRecord> to) {
      super(to);
    }

    @Override
    public SourceOutput<RawRecord> createOutputForSplit(String splitId) {
      return new GatedSplitOutput<>(to.createOutputForSplit(splitId));
    }

    @Override
    public void releaseOutputForSplit(String splitId) {
      to.releaseOutputForSplit(splitId);
    }
  }
}
