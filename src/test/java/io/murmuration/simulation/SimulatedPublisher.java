package io.murmuration.simulation;

import io.murmuration.release.ForwardingModelStore;
import io.murmuration.release.ModelStore;
import io.murmuration.release.PublishCommittable;
import io.murmuration.release.PublishSink;
import io.murmuration.release.ReleaseContext;
import io.murmuration.release.ReleaseFormat;
import io.murmuration.release.RoundRelease;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.OptionalLong;
import java.util.SplittableRandom;
import java.util.TreeMap;
import java.util.function.Consumer;
import org.apache.flink.api.common.JobInfo;
import org.apache.flink.api.common.TaskInfo;
import org.apache.flink.api.connector.sink2.Committer;
import org.apache.flink.api.connector.sink2.CommitterInitContext;
import org.apache.flink.api.connector.sink2.CommittingSinkWriter;
import org.apache.flink.metrics.groups.SinkCommitterMetricGroup;
import org.apache.flink.runtime.metrics.groups.InternalSinkCommitterMetricGroup;
import org.apache.flink.runtime.metrics.groups.UnregisteredMetricGroups;

/**
 * {@code publish}: the real writer and committer, called as Flink's committer operator calls them.
 * What was staged before a barrier belongs to its checkpoint; a notification commits everything up
 * to it; a restore commits everything restored.
 */
final class SimulatedPublisher {

  private static final ReleaseContext CONTEXT =
      new ReleaseContext(
          "flock",
          "simulation",
          "model",
          "ab".repeat(32),
          "Training began at the base model.",
          ReleaseFormat.model(Map.of("config.json", new byte[0], "tokenizer.json", new byte[0])));

  /** What a checkpoint holds of it: what waits for its commit, by checkpoint. */
  record State(TreeMap<Long, List<PublishCommittable>> pending) {

    static State empty() {
      return new State(new TreeMap<>());
    }

    /** Names of the releases that this checkpoint will make visible. */
    List<String> names() {
      return pending.values().stream().flatMap(List::stream).map(c -> c.staged().name()).toList();
    }
  }

  private final Bug bug;
  private final Consumer<Happening> notes;
  private final CommittingSinkWriter<RoundRelease, PublishCommittable> writer;
  private final Committer<PublishCommittable> committer;
  private final TreeMap<Long, List<PublishCommittable>> pending = new TreeMap<>();

  @SuppressWarnings("unchecked") // what PublishSink documents its writer to be
  SimulatedPublisher(
      State restored, Bug bug, ModelStore store, SplittableRandom random, Consumer<Happening> notes)
      throws Exception {
    this.bug = bug;
    this.notes = notes;
    PublishSink sink =
        new PublishSink(
            () -> new TroubledStore(store, random),
            CONTEXT,
            init -> {
              throw new UnsupportedOperationException("nothing is announced");
            });
    writer =
        (CommittingSinkWriter<RoundRelease, PublishCommittable>)
            sink.createWriter(/* init= */ null);
    committer = sink.createCommitter(new Init());
    restored.pending().forEach((id, waiting) -> pending.put(id, new ArrayList<>(waiting)));
    commitUpTo(Long.MAX_VALUE);
  }

  void write(RoundRelease release) throws Exception {
    writer.write(release, /* context= */ null);
    if (bug == Bug.COMMIT_BEFORE_CHECKPOINT) {
      pending.computeIfAbsent(0L, id -> new ArrayList<>()).addAll(writer.prepareCommit());
      commitUpTo(0);
    }
  }

  State snapshot(long checkpoint) throws Exception {
    List<PublishCommittable> staged = new ArrayList<>(writer.prepareCommit());
    if (!staged.isEmpty()) {
      pending.put(checkpoint, staged);
    }
    TreeMap<Long, List<PublishCommittable>> copy = new TreeMap<>();
    pending.forEach((id, waiting) -> copy.put(id, List.copyOf(waiting)));
    return new State(copy);
  }

  void commitUpTo(long checkpoint) throws Exception {
    for (List<PublishCommittable> waiting : pending.headMap(checkpoint, true).values()) {
      List<Request> requests = waiting.stream().map(Request::new).toList();
      committer.commit(List.copyOf(requests));
      waiting.clear();
      requests.stream().filter(r -> r.retry).map(r -> r.committable).forEach(waiting::add);
    }
    pending.values().removeIf(List::isEmpty);
  }

  private final class Request implements Committer.CommitRequest<PublishCommittable> {
    private final PublishCommittable committable;
    private boolean retry;

    Request(PublishCommittable committable) {
      this.committable = committable;
      notes.accept(Happening.PUBLISHED);
    }

    @Override
    public PublishCommittable getCommittable() {
      return committable;
    }

    @Override
    public int getNumberOfRetries() {
      return 0;
    }

    @Override
    public void signalFailedWithKnownReason(Throwable reason) {
      throw new AssertionError("a release is lost", reason);
    }

    @Override
    public void signalFailedWithUnknownReason(Throwable reason) {
      throw new AssertionError("two releases of one round", reason);
    }

    @Override
    public void retryLater() {
      retry = true;
      notes.accept(Happening.COMMIT_RETRIED);
    }

    @Override
    public void updateAndRetryLater(PublishCommittable updated) {
      throw new AssertionError("committables never change");
    }

    @Override
    public void signalAlreadyCommitted() {
      notes.accept(Happening.PUBLISHED_BEFORE);
    }
  }

  /** Fails now and then: before anything was done, or after all of it. */
  private record TroubledStore(ModelStore store, SplittableRandom random)
      implements ForwardingModelStore {

    @Override
    public Outcome commit(Staged staged) throws IOException {
      int dice = random.nextInt(12);
      if (dice == 0) {
        throw new IOException("planted: before the rename");
      }
      Outcome outcome = store.commit(staged);
      if (dice == 1) {
        throw new IOException("planted: after the rename");
      }
      return outcome;
    }
  }

  /** The committer asks for nothing but metrics. */
  private static final class Init implements CommitterInitContext {

    @Override
    public SinkCommitterMetricGroup metricGroup() {
      return InternalSinkCommitterMetricGroup.wrap(
          UnregisteredMetricGroups.createUnregisteredOperatorMetricGroup());
    }

    @Override
    public OptionalLong getRestoredCheckpointId() {
      return OptionalLong.empty();
    }

    @Override
    public JobInfo getJobInfo() {
      throw new UnsupportedOperationException();
    }

    @Override
    public TaskInfo getTaskInfo() {
      throw new UnsupportedOperationException();
    }
  }
}
