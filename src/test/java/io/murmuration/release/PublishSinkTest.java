package io.murmuration.release;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import org.apache.flink.api.connector.sink2.Sink;
import org.apache.flink.runtime.checkpoint.OperatorSubtaskState;
import org.apache.flink.streaming.api.connector.sink2.CommittableMessage;
import org.apache.flink.streaming.runtime.operators.sink.CommitterOperatorFactory;
import org.apache.flink.streaming.runtime.operators.sink.SinkWriterOperatorFactory;
import org.apache.flink.streaming.runtime.streamrecord.StreamRecord;
import org.apache.flink.streaming.util.OneInputStreamOperatorTestHarness;
import org.apache.flink.util.function.ThrowingRunnable;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The catalogue of Iceberg's committer tests, for releases. */
class PublishSinkTest {

  @TempDir private Path root;

  private static final Sink<Announcement> NO_ANNOUNCEMENTS =
      init -> {
        throw new UnsupportedOperationException("the harness has no topology behind the committer");
      };

  private PublishSink sink() {
    return new PublishSink(
        DirectoryModelStore.at(root.toString()), ReleaseFixtures.context(), NO_ANNOUNCEMENTS);
  }

  private static final OperatorSubtaskState NO_STATE = OperatorSubtaskState.builder().build();

  private record Checkpoint(OperatorSubtaskState writer, OperatorSubtaskState committer) {}

  /** Writer and committer as Flink chains them. */
  private static final class Job implements AutoCloseable {

    private final OneInputStreamOperatorTestHarness<
            RoundRelease, CommittableMessage<PublishCommittable>>
        writer;
    private final OneInputStreamOperatorTestHarness<
            CommittableMessage<PublishCommittable>, CommittableMessage<PublishCommittable>>
        committer;
    private final OneInputStreamOperatorTestHarness<
            CommittableMessage<PublishCommittable>, Announcement>
        announce = new OneInputStreamOperatorTestHarness<>(new AnnounceOperator());
    private final List<Long> announced = new ArrayList<>();

    static Job start(PublishSink sink) throws Exception {
      return restore(sink, new Checkpoint(NO_STATE, NO_STATE));
    }

    static Job restore(PublishSink sink, Checkpoint checkpoint) throws Exception {
      return new Job(sink, checkpoint);
    }

    private Job(PublishSink sink, Checkpoint checkpoint) throws Exception {
      writer = new OneInputStreamOperatorTestHarness<>(new SinkWriterOperatorFactory<>(sink));
      if (checkpoint.committer().hasState()) {
        writer.setRestoredCheckpointId(1);
        writer.initializeState(checkpoint.writer());
      }
      writer.open();
      committer =
          new OneInputStreamOperatorTestHarness<>(
              new CommitterOperatorFactory<>(
                  sink, /* isBatchMode= */ false, /* isCheckpointingEnabled= */ true));
      if (checkpoint.committer().hasState()) {
        committer.setRestoredCheckpointId(1);
      }
      committer.initializeState(checkpoint.committer());
      committer.open();
      announce.open();
    }

    void release(long round) throws Exception {
      release(round, /* weight= */ (float) round);
    }

    void release(long round, float weight) throws Exception {
      writer.processElement(
          new StreamRecord<>(ReleaseFixtures.release(round, weight), /* timestamp= */ 100 + round));
    }

    /** The state of a checkpoint that is not complete yet. */
    Checkpoint snapshot(long checkpoint) throws Exception {
      writer.prepareSnapshotPreBarrier(checkpoint);
      for (CommittableMessage<PublishCommittable> message : writer.extractOutputValues()) {
        committer.processElement(new StreamRecord<>(message));
      }
      writer.getOutput().clear();
      return new Checkpoint(
          writer.snapshot(checkpoint, /* timestamp= */ 0),
          committer.snapshot(checkpoint, /* timestamp= */ 0));
    }

    void complete(long checkpoint) throws Exception {
      committer.notifyOfCompletedCheckpoint(checkpoint);
    }

    /** Rounds whose announcement left the committer, in order. */
    List<Long> announced() throws Exception {
      for (CommittableMessage<PublishCommittable> message : committer.extractOutputValues()) {
        announce.processElement(new StreamRecord<>(message));
      }
      announce.extractOutputValues().forEach(announcement -> announced.add(announcement.round()));
      announce.getOutput().clear();
      committer.getOutput().clear();
      return announced;
    }

    @Override
    public void close() throws Exception {
      writer.close();
      committer.close();
      announce.close();
    }

    void endInput() throws Exception {
      announce.endInput();
    }
  }

  private List<String> published() throws IOException {
    return DirectoryModelStore.reading(root).published();
  }

  @Test
  void nothingIsVisibleBeforeItsCheckpointCompletes() throws Exception {
    try (Job job = Job.start(sink())) {
      job.release(1);
      assertThat(published()).isEmpty();

      job.snapshot(1);
      job.release(2);
      assertThat(published()).isEmpty();
      assertThat(job.announced()).isEmpty();

      job.complete(1);
      assertThat(published()).containsExactly("round-00000001");
      assertThat(job.announced()).containsExactly(1L);
    }
  }

  @Test
  void aLateNotificationCoversTheCheckpointsBeforeIt() throws Exception {
    try (Job job = Job.start(sink())) {
      job.release(1);
      job.snapshot(1);
      job.release(2);
      job.snapshot(2);

      job.complete(2);
      assertThat(published()).containsExactly("round-00000001", "round-00000002");

      job.complete(1);
      assertThat(published()).containsExactly("round-00000001", "round-00000002");
      assertThat(job.announced()).containsExactly(1L, 2L);
    }
  }

  @Test
  void aSnapshotWithoutNotificationIsCommittedByTheRestore() throws Exception {
    Checkpoint checkpoint;
    try (Job job = Job.start(sink())) {
      job.release(1);
      checkpoint = job.snapshot(1);
    }
    assertThat(published()).isEmpty();

    try (Job restored = Job.restore(sink(), checkpoint)) {
      restored.complete(2);

      assertThat(published()).containsExactly("round-00000001");
      assertThat(restored.announced()).containsExactly(1L);
    }
  }

  @Test
  void aCrashBetweenRenameAndAcknowledgementRepeatsTheCommitHarmlessly() throws Exception {
    Checkpoint checkpoint;
    try (Job job = Job.start(sink())) {
      job.release(1);
      checkpoint = job.snapshot(1);
      job.complete(1);
    }
    byte[] manifest = Files.readAllBytes(root.resolve("round-00000001/manifest.json"));

    try (Job restored = Job.restore(sink(), checkpoint)) {
      restored.complete(2);

      // announced again: at least once, with the same key
      assertThat(restored.announced()).containsExactly(1L);
    }
    assertThat(published()).containsExactly("round-00000001");
    assertThat(root.resolve("round-00000001/manifest.json")).hasBinaryContent(manifest);
  }

  @Test
  void whatAFailedAttemptStagedIsNeverPublished() throws Exception {
    try (Job failed = Job.start(sink())) {
      failed.release(1);
      failed.snapshot(1);
    }

    try (Job fresh = Job.start(sink())) {
      fresh.release(2);
      fresh.snapshot(1);
      fresh.complete(1);

      assertThat(published()).containsExactly("round-00000002");
      assertThat(fresh.announced()).containsExactly(2L);
    }
  }

  @Test
  void anOldSavepointPublishesNothingTwice() throws Exception {
    Checkpoint old;
    try (Job job = Job.start(sink())) {
      job.release(1);
      old = job.snapshot(1);
      job.complete(1);
      job.release(2);
      job.snapshot(2);
      job.complete(2);
    }

    try (Job rolledBack = Job.restore(sink(), old)) {
      rolledBack.release(3);
      rolledBack.snapshot(3);
      rolledBack.complete(3);

      assertThat(published()).containsExactly("round-00000001", "round-00000002", "round-00000003");
      assertThat(rolledBack.announced()).containsExactly(1L, 3L);
      assertThat(Files.readSymbolicLink(root.resolve("latest"))).hasToString("round-00000003");
    }
  }

  @Test
  void aStatelessRestartKeepsWhatIsVisibleAndPublishesItsOwn() throws Exception {
    try (Job job = Job.start(sink())) {
      job.release(1);
      job.snapshot(1);
      job.complete(1);
      job.release(2);
      job.snapshot(2);
    }
    byte[] manifest = Files.readAllBytes(root.resolve("round-00000001/manifest.json"));

    try (Job fresh = Job.start(sink())) {
      fresh.release(3);
      fresh.snapshot(1);
      fresh.complete(1);

      assertThat(published()).containsExactly("round-00000001", "round-00000003");
      assertThat(fresh.announced()).containsExactly(3L);
    }
    assertThat(root.resolve("round-00000001/manifest.json")).hasBinaryContent(manifest);
  }

  @Test
  void twoJobsFromOneSavepointPublishItsReleaseOnce() throws Exception {
    Checkpoint savepoint;
    try (Job job = Job.start(sink())) {
      job.release(1);
      savepoint = job.snapshot(1);
    }

    try (Job first = Job.restore(sink(), savepoint);
        Job second = Job.restore(sink(), savepoint)) {
      first.complete(2);
      second.complete(2);

      assertThat(published()).containsExactly("round-00000001");
      second.release(2);
      second.snapshot(3);
      second.complete(3);
      assertThat(published()).containsExactly("round-00000001", "round-00000002");
    }
  }

  @Test
  void aDiskThatIsFullWhenAReleaseIsWrittenFailsTheTaskAndPublishesNothing() throws Exception {
    DirectoryModelStore full =
        DirectoryModelStore.open(
            root,
            (path, content) -> {
              if (path.endsWith(PeftAdapter.WEIGHTS_FILE)) {
                throw new IOException("No space left on device");
              }
              Files.write(path, content);
            });
    PublishSink sink = new PublishSink(() -> full, ReleaseFixtures.context(), NO_ANNOUNCEMENTS);
    Checkpoint checkpoint;
    try (Job job = Job.start(sink)) {
      checkpoint = job.snapshot(1);
      assertThatThrownBy(() -> job.release(1)).hasMessageContaining("the disk is full");
    }

    try (Job restored = Job.restore(sink(), checkpoint)) {
      // round 1 is void: the next is another
      restored.release(2);
      restored.snapshot(2);
      restored.complete(2);

      assertThat(published()).containsExactly("round-00000002");
    }
  }

  @Test
  void aSecondJobThatReleasesTheSameRoundOtherwiseFails() throws Exception {
    try (Job first = Job.start(sink());
        Job second = Job.start(sink())) {
      first.release(1, 1f);
      second.release(1, 2f);
      first.snapshot(1);
      second.snapshot(1);
      first.complete(1);

      assertThatThrownBy(() -> second.complete(1))
          .hasRootCauseInstanceOf(ReleaseConflictException.class);
      assertThat(second.announced()).isEmpty();
    }
  }

  @Test
  void aStoreOfAnotherDomainIsRefusedAtTheStart() throws Exception {
    DirectoryModelStore store = DirectoryModelStore.open(root);
    store.commit(store.stage(ReleaseFixtures.files(1, 1)));
    ReleaseContext chat = ReleaseFixtures.context();
    ReleaseContext mail =
        new ReleaseContext(
            "mail",
            chat.runId(),
            chat.baseModel(),
            chat.baseModelDigest(),
            chat.startingPoint(),
            chat.format());
    PublishSink other =
        new PublishSink(DirectoryModelStore.at(root.toString()), mail, NO_ANNOUNCEMENTS);

    assertThatThrownBy(() -> Job.start(other))
        .hasMessage(
            "the model store holds releases of the privacy domain chat, but this job publishes for"
                + " mail; give each domain a store of its own");
  }

  @Test
  void aLostReleaseIsGivenUpAndTheJobGoesOn() throws Exception {
    try (Job job = Job.start(sink())) {
      job.release(1);
      job.release(2);
      job.snapshot(1);
      Path lost;
      try (var staged = Files.list(root.resolve(".staging"))) {
        lost = staged.filter(path -> path.toString().contains("00000001")).findAny().orElseThrow();
      }
      Files.move(lost, root.resolve("elsewhere"));

      job.complete(1);

      assertThat(published()).containsExactly("round-00000002");
      assertThat(job.announced()).containsExactly(2L);
    }
  }

  @Test
  void aDrainedJobPublishesItsLastReleasesAndDoesNotFail() throws Exception {
    try (Job job = Job.start(sink())) {
      job.release(1);
      job.snapshot(1);
      job.endInput();
      job.complete(1);

      assertThat(published()).containsExactly("round-00000001");
      assertThat(job.announced()).isEmpty();
    }
  }

  /** A store whose commits fail as scripted before they succeed. */
  private record FailingStore(ModelStore store, Deque<ThrowingRunnable<IOException>> failures)
      implements ForwardingModelStore {

    @Override
    public Outcome commit(Staged staged) throws IOException {
      ThrowingRunnable<IOException> failure = failures.poll();
      if (failure != null) {
        failure.run();
      }
      return store.commit(staged);
    }
  }

  private PublishSink failing(int times) throws IOException {
    Deque<ThrowingRunnable<IOException>> failures = new ArrayDeque<>();
    for (int i = 0; i < times; i++) {
      failures.add(
          () -> {
            throw new IOException("Stale file handle");
          });
    }
    ModelStore store = new FailingStore(DirectoryModelStore.open(root), failures);
    return new PublishSink(() -> store, ReleaseFixtures.context(), NO_ANNOUNCEMENTS)
        .withRetries(new CommitRetries(10, PublishSink.COMMIT_PATIENCE, PAUSES::add));
  }

  /** Static, since sinks are serialized; JUnit makes a new instance of this class for each test. */
  private static final List<Long> PAUSES = new ArrayList<>();

  @BeforeEach
  void noPauses() {
    PAUSES.clear();
  }

  @Test
  void aPassingTroubleOfTheStoreIsRetriedAfterGrowingPauses() throws Exception {
    try (Job job = Job.start(failing(/* times= */ 3))) {
      job.release(1);
      job.snapshot(1);
      job.complete(1);

      assertThat(published()).containsExactly("round-00000001");
      assertThat(job.announced()).containsExactly(1L);
      assertThat(PAUSES).containsExactly(58L, 117L, 234L);
    }
  }

  /** The committer's retries meet the store that came back: an outage costs no release. */
  @Test
  void aStoreThatIsAwayForAMomentLosesNothing() throws Exception {
    Path elsewhere = root.resolveSibling(root.getFileName() + "-away");
    PublishSink sink =
        sink()
            .withRetries(
                new CommitRetries(
                    10,
                    PublishSink.COMMIT_PATIENCE,
                    millis -> {
                      PAUSES.add(millis);
                      if (PAUSES.size() == 2) {
                        move(elsewhere, root);
                      }
                    }));
    try (Job job = Job.start(sink)) {
      job.release(1);
      job.snapshot(1);
      move(root, elsewhere);
      job.complete(1);

      assertThat(PAUSES).hasSize(2);
      assertThat(published()).containsExactly("round-00000001");
      assertThat(job.announced()).containsExactly(1L);
    }
  }

  private static void move(Path from, Path to) {
    try {
      Files.move(from, to);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  @Test
  void anEmptyMountPointAfterARestoreIsNoNewStore() throws Exception {
    Checkpoint checkpoint;
    try (Job job = Job.start(sink())) {
      job.release(1);
      checkpoint = job.snapshot(1);
    }
    Path elsewhere = root.resolveSibling(root.getFileName() + "-away");
    move(root, elsewhere);
    Files.createDirectory(root);

    assertThatThrownBy(() -> Job.restore(sink(), checkpoint))
        .hasMessageContaining("the store is not there");
    assertThat(root).isEmptyDirectory();

    Files.delete(root);
    move(elsewhere, root);
    try (Job restored = Job.restore(sink(), checkpoint)) {
      assertThat(published()).containsExactly("round-00000001");
      assertThat(restored.announced()).containsExactly(1L);
    }
  }

  @Test
  void anotherStoreIsRefusedUnlessItIsAcceptedOnPurpose() throws Exception {
    Checkpoint checkpoint;
    try (Job job = Job.start(sink())) {
      job.release(1);
      checkpoint = job.snapshot(1);
    }
    move(root, root.resolveSibling(root.getFileName() + "-left"));
    DirectoryModelStore.open(root);

    assertThatThrownBy(() -> Job.restore(sink(), checkpoint))
        .hasMessageContaining("The restored state published to model store")
        .hasMessageContaining("releases.accept-other-store");

    Checkpoint moved;
    try (Job restored = Job.restore(sink().acceptingOtherStore(), checkpoint)) {
      restored.release(2);
      moved = restored.snapshot(2);
      restored.complete(2);
      assertThat(published()).containsExactly("round-00000002");
      assertThat(restored.announced()).containsExactly(2L);
    }
    // the state names the new store: from here on the flag is not needed
    try (Job next = Job.restore(sink(), moved)) {
      next.complete(2);
      assertThat(published()).containsExactly("round-00000002");
      assertThat(next.announced()).containsExactly(2L);
    }
  }

  /** State of versions whose writer had none. */
  @Test
  void stateWithoutAStoreIsRestoredOntoAStoreThatIsThere() throws Exception {
    Checkpoint checkpoint;
    try (Job job = Job.start(sink())) {
      job.release(1);
      checkpoint = new Checkpoint(NO_STATE, job.snapshot(1).committer());
    }
    try (Job restored = Job.restore(sink(), checkpoint)) {
      assertThat(published()).containsExactly("round-00000001");
    }
  }

  @Test
  void aLastingTroubleFailsTheJobAndTheNextAttemptPublishes() throws Exception {
    Checkpoint checkpoint;
    try (Job job = Job.start(failing(/* times= */ 1000))) {
      job.release(1);
      checkpoint = job.snapshot(1);
      assertThatThrownBy(() -> job.complete(1)).isInstanceOf(IOException.class);
      assertThat(job.announced()).isEmpty();
      assertThat(PAUSES.stream().mapToLong(Long::longValue).sum())
          .isBetween(
              PublishSink.COMMIT_PATIENCE.toMillis() - 10, PublishSink.COMMIT_PATIENCE.toMillis());
    }
    assertThat(published()).isEmpty();

    try (Job restored = Job.restore(sink(), checkpoint)) {
      restored.complete(2);
      assertThat(published()).containsExactly("round-00000001");
    }
  }
}
