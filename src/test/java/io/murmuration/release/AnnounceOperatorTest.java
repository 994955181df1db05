package io.murmuration.release;

import static org.assertj.core.api.Assertions.assertThat;

import io.murmuration.privacy.mechanism.PublicClock;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Instant;
import java.util.List;
import org.apache.flink.api.connector.sink2.Sink;
import org.apache.flink.runtime.checkpoint.OperatorSubtaskState;
import org.apache.flink.streaming.api.connector.sink2.CommittableMessage;
import org.apache.flink.streaming.api.connector.sink2.CommittableWithLineage;
import org.apache.flink.streaming.runtime.streamrecord.StreamRecord;
import org.apache.flink.streaming.util.OneInputStreamOperatorTestHarness;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class AnnounceOperatorTest {

  private static final PublicClock CLOCK = new PublicClock(/* genesisMillis= */ 5_000, 100);

  /** Round 1 is charged at tick 101 and due at tick 103. */
  private static final long DUE = CLOCK.millisOf(103);

  private static final Sink<Announcement> NO_TOPIC =
      init -> {
        throw new UnsupportedOperationException("the harness has no topology behind the committer");
      };

  @TempDir private Path root;
  private ModelStore store;

  @BeforeEach
  void open() throws IOException {
    store = DirectoryModelStore.open(root);
  }

  private OneInputStreamOperatorTestHarness<CommittableMessage<PublishCommittable>, Announcement>
      harness() throws Exception {
    PublishSink sink =
        new PublishSink(
            DirectoryModelStore.at(root.toString()), ReleaseFixtures.context(), NO_TOPIC);
    return new OneInputStreamOperatorTestHarness<>(new AnnounceOperator(sink.onSchedule()));
  }

  /** A committable as it leaves the committer. */
  private StreamRecord<CommittableMessage<PublishCommittable>> durable(long round)
      throws IOException {
    ReleaseFiles files =
        ReleaseFiles.of(
            ReleaseFixtures.context(),
            ReleaseFixtures.release(ReleaseFixtures.grant(round, CLOCK), /* weight= */ 1));
    ModelStore.Staged staged = store.stage(files);
    return new StreamRecord<>(
        new CommittableWithLineage<>(
            new PublishCommittable(
                staged,
                Announcement.of(files, staged.digest()),
                CLOCK,
                /* visibleTick= */ 100 + round + PublishSink.TICKS_TO_RELEASE),
            /* checkpointId= */ 1L,
            /* subtaskId= */ 0));
  }

  @Test
  void aReleaseThatIsDurableEarlyAppearsWhenItIsDue() throws Exception {
    try (var job = harness()) {
      job.open();
      job.setProcessingTime(DUE - 150);
      job.processElement(durable(1));
      job.setProcessingTime(DUE - 1);
      assertThat(store.published()).isEmpty();
      job.setProcessingTime(DUE);
      assertThat(store.published()).containsExactly("round-00000001");
      assertThat(job.extractOutputValues())
          .extracting(Announcement::publicMillis)
          .containsExactly(CLOCK.millisOf(101));
    }
  }

  @Test
  void oneThatIsDurableLateAppearsAtTheBeginningOfTheNextTick() throws Exception {
    try (var job = harness()) {
      job.open();
      job.setProcessingTime(DUE + 230);
      job.processElement(durable(1));
      job.setProcessingTime(DUE + 299);
      assertThat(store.published()).isEmpty();
      job.setProcessingTime(DUE + 300);
      assertThat(store.published()).containsExactly("round-00000001");
    }
  }

  @Test
  void whatWaitsSurvivesARestore() throws Exception {
    OperatorSubtaskState state;
    try (var job = harness()) {
      job.open();
      job.setProcessingTime(DUE - 150);
      job.processElement(durable(1));
      job.processElement(durable(2));
      state = job.snapshot(/* checkpointId= */ 2, /* timestamp= */ 0);
    }
    assertThat(store.published()).isEmpty();
    try (var restored = harness()) {
      restored.setProcessingTime(DUE - 20);
      restored.initializeState(state);
      restored.open();
      restored.setProcessingTime(DUE);
      assertThat(store.published()).containsExactly("round-00000001");
      restored.setProcessingTime(DUE + 100);
      assertThat(restored.extractOutputValues())
          .extracting(Announcement::round)
          .containsExactly(1L, 2L);
    }
  }

  @Test
  void whatIsLostIsGivenUpAndNotAnnounced() throws Exception {
    try (var job = harness()) {
      job.open();
      job.setProcessingTime(DUE - 50);
      job.processElement(durable(1));
      ((DirectoryModelStore) store).removeStaged(Instant.MAX);
      job.setProcessingTime(DUE);
      assertThat(store.published()).isEmpty();
      assertThat(job.extractOutputValues()).isEmpty();
    }
  }

  @Test
  void aJobThatIsDrainedShowsWhatWaits() throws Exception {
    try (var job = harness()) {
      job.open();
      job.setProcessingTime(DUE - 150);
      job.processElement(durable(1));
      job.endInput();
      assertThat(store.published()).isEqualTo(List.of("round-00000001"));
      assertThat(job.extractOutputValues()).hasSize(1);
    }
  }
}
