package io.murmuration.release;

import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import org.apache.flink.api.common.state.ListState;
import org.apache.flink.api.common.state.ListStateDescriptor;
import org.apache.flink.api.common.typeutils.base.array.BytePrimitiveArraySerializer;
import org.apache.flink.api.connector.sink2.Committer;
import org.apache.flink.runtime.checkpoint.CheckpointOptions;
import org.apache.flink.runtime.checkpoint.SavepointType;
import org.apache.flink.runtime.state.CheckpointStreamFactory;
import org.apache.flink.runtime.state.StateInitializationContext;
import org.apache.flink.runtime.state.StateSnapshotContext;
import org.apache.flink.streaming.api.connector.sink2.CommittableMessage;
import org.apache.flink.streaming.api.connector.sink2.CommittableWithLineage;
import org.apache.flink.streaming.api.operators.AbstractStreamOperator;
import org.apache.flink.streaming.api.operators.BoundedOneInput;
import org.apache.flink.streaming.api.operators.OneInputStreamOperator;
import org.apache.flink.streaming.api.operators.OperatorSnapshotFutures;
import org.apache.flink.streaming.api.operators.util.SimpleVersionedListState;
import org.apache.flink.streaming.runtime.streamrecord.StreamRecord;

/**
 * Makes releases visible when they are due, and announces them.
 *
 * <p>What arrives is durable: the checkpoint that holds it is complete. That moment tells how long
 * a round and a checkpoint took, so a release waits for the beginning of the tick at which it is
 * due, or if that is over for the beginning of the next one. What waits is this operator's state;
 * what a failure takes from it, the committer sends again.
 *
 * <p>When the job is stopped with a savepoint, nothing waits any longer: stopping is public. A job
 * that is drained shows its last releases after the end of its input, when Flink's sinks accept
 * nothing any more and would fail the job for it: their announcements are left out, with a warning.
 * A run ends by stop-with-savepoint without drain, which has no such end.
 */
final class AnnounceOperator extends AbstractStreamOperator<Announcement>
    implements OneInputStreamOperator<CommittableMessage<PublishCommittable>, Announcement>,
        BoundedOneInput {

  private static final long serialVersionUID = 1L;

  private static final ListStateDescriptor<byte[]> WAITING =
      new ListStateDescriptor<>("waiting", BytePrimitiveArraySerializer.INSTANCE);

  /** What makes a release visible; null where the committer has done it. */
  private final PublishSink sink;

  private transient ListState<PublishCommittable> state;
  private transient List<PublishCommittable> waiting;
  private transient Committer<PublishCommittable> shows;
  private transient boolean restored;
  private transient boolean stopping;
  private transient boolean inputEnded;

  /** Announces what is visible. */
  AnnounceOperator() {
    this(/* sink= */ null);
  }

  /** Makes visible what the sink staged, then announces it. */
  AnnounceOperator(PublishSink sink) {
    this.sink = sink;
  }

  @Override
  public void initializeState(StateInitializationContext context) throws Exception {
    super.initializeState(context);
    state =
        new SimpleVersionedListState<>(
            context.getOperatorStateStore().getListState(WAITING),
            new PublishCommittableSerializer());
    waiting = new ArrayList<>();
    state.get().forEach(waiting::add);
    restored = context.isRestored();
  }

  @Override
  public void open() throws Exception {
    super.open();
    if (sink != null) {
      shows = sink.committer(restored, getMetricGroup());
    }
    waiting.forEach(this::wakeFor);
  }

  @Override
  public void processElement(StreamRecord<CommittableMessage<PublishCommittable>> element)
      throws Exception {
    if (!(element.getValue() instanceof CommittableWithLineage<PublishCommittable> committed)) {
      return;
    }
    PublishCommittable release = committed.getCommittable();
    boolean isDue = sink == null || stopping || inputEnded || !release.clock().isKnown();
    if (isDue) {
      publish(release);
    } else {
      waiting.add(release);
      wakeFor(release);
    }
  }

  private void wakeFor(PublishCommittable release) {
    long now = getProcessingTimeService().getCurrentProcessingTime();
    getProcessingTimeService()
        .registerTimer(release.visibleMillis(now), time -> publishWhatIsDueAt(time));
  }

  private void publishWhatIsDueAt(long millis) throws Exception {
    publishAll(
        waiting.stream()
            .filter(release -> release.clock().millisOf(release.visibleTick()) <= millis)
            .toList());
  }

  private void publishAll(List<PublishCommittable> releases) throws Exception {
    waiting.removeAll(releases);
    for (PublishCommittable release : releases) {
      publish(release);
    }
  }

  private void publish(PublishCommittable release) throws Exception {
    if (sink != null && !show(release)) {
      return;
    }
    Announcement announcement = release.announcement();
    if (inputEnded) {
      LOG.warn(
          "Release {} is published but not announced, since the job was drained; stop it with a"
              + " savepoint and without drain instead",
          announcement.key());
      return;
    }
    output.collect(new StreamRecord<>(announcement));
  }

  /**
   * Whether it is visible now; false if it is given up. While the store is out of reach no barrier
   * passes, so that nothing is spent on more releases.
   */
  private boolean show(PublishCommittable release) throws IOException, InterruptedException {
    Request request = new Request(release);
    do {
      request.begin();
      shows.commit(List.of(request));
    } while (request.wantsRetry && request.tries <= PublishSink.COMMIT_RETRIES);
    if (request.wantsRetry) {
      throw new IOException(
          "Release %s could not be made visible, tried %d times; the next attempt of the job tries again"
              .formatted(release.staged().name(), request.tries));
    }
    return request.isVisible;
  }

  @Override
  public void snapshotState(StateSnapshotContext context) throws Exception {
    super.snapshotState(context);
    state.update(waiting);
  }

  @Override
  public OperatorSnapshotFutures snapshotState(
      long checkpoint, long timestamp, CheckpointOptions options, CheckpointStreamFactory storage)
      throws Exception {
    stopping |=
        options.getCheckpointType() instanceof SavepointType savepoint && savepoint.isSynchronous();
    return super.snapshotState(checkpoint, timestamp, options, storage);
  }

  @Override
  public void notifyCheckpointComplete(long checkpoint) throws Exception {
    super.notifyCheckpointComplete(checkpoint);
    if (stopping) {
      publishAll(List.copyOf(waiting));
    }
  }

  @Override
  public void endInput() throws Exception {
    publishAll(List.copyOf(waiting));
    inputEnded = true;
  }

  @Override
  public void close() throws Exception {
    try {
      if (shows != null) {
        shows.close();
      }
    } finally {
      super.close();
    }
  }

  /** One release, as Flink's committer operator would hand it over. */
  private static final class Request implements Committer.CommitRequest<PublishCommittable> {

    private final PublishCommittable release;
    private int tries;
    private boolean wantsRetry;
    private boolean isVisible;

    Request(PublishCommittable release) {
      this.release = release;
    }

    void begin() {
      tries++;
      wantsRetry = false;
      isVisible = true;
    }

    @Override
    public PublishCommittable getCommittable() {
      return release;
    }

    @Override
    public int getNumberOfRetries() {
      return tries - 1;
    }

    @Override
    public void signalFailedWithKnownReason(Throwable reason) {
      isVisible = false;
    }

    @Override
    public void signalFailedWithUnknownReason(Throwable reason) {
      throw new IllegalStateException(
          "Release %s cannot be made visible".formatted(release.staged().name()), reason);
    }

    @Override
    public void retryLater() {
      wantsRetry = true;
    }

    @Override
    public void updateAndRetryLater(PublishCommittable changed) {
      throw new UnsupportedOperationException("a staged release never changes");
    }

    @Override
    public void signalAlreadyCommitted() {
      // visible is visible
    }
  }
}
