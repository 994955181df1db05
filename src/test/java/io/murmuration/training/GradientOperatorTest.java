package io.murmuration.training;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.murmuration.privacy.mechanism.ModelVersion;
import io.murmuration.training.GradientTask.FakeSource;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.UUID;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.apache.flink.runtime.checkpoint.OperatorSubtaskState;
import org.apache.flink.runtime.io.disk.iomanager.IOManagerAsync;
import org.apache.flink.streaming.api.watermark.Watermark;
import org.apache.flink.streaming.util.AbstractStreamOperatorTestHarness;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

@Timeout(120)
class GradientOperatorTest {

  private static final float[] INITIAL = {0.5f, -2, 7};
  private static final int MAX_PARALLELISM = 8;

  private final InMemoryParameterStore parameters =
      new InMemoryParameterStore(UUID.randomUUID().toString());
  private final List<GradientTask> tasks = new ArrayList<>();

  @TempDir private Path directory;

  @AfterEach
  void closeTasks() throws Exception {
    for (GradientTask task : tasks) {
      task.source.maySum.release(100);
      task.harness.close();
    }
  }

  private GradientTask started(GradientTask task) throws Exception {
    tasks.add(task);
    task.open();
    return task;
  }

  private GradientTask start() throws Exception {
    return started(new GradientTask(new FakeSource(INITIAL.length), parameters));
  }

  private GradientTask restore(OperatorSubtaskState state) throws Exception {
    GradientTask task = new GradientTask(new FakeSource(INITIAL.length), parameters);
    task.harness.initializeState(state);
    return started(task);
  }

  // ---- a round ----

  @Test
  void theSumOfARoundLeavesBeforeItsWatermark() throws Exception {
    GradientTask task = start();
    task.epoch(1);
    task.model(1, 0, INITIAL);
    task.watermarks(4);
    // samples may overtake their grant
    task.sample(1, 1, 5, "ann");
    task.grant(1, 1, 5);
    task.signalWatermark(5);
    task.sample(1, 1, 5, "ben");
    task.sampleWatermark(5);
    task.watermarks(6);
    assertThat(task.watermarksSent()).containsExactly(new Watermark(4));
    task.awaitMail();

    assertThat(task.sent()).hasSize(3);
    PartialSum partial = (PartialSum) task.sent().get(1);
    assertThat(partial.values())
        .containsExactly(GradientTask.sumOf(1, 1, INITIAL, List.of("ann", "ben")));
    assertThat(partial.counts().slices()).isEqualTo(2);
    assertThat(List.of(partial.epoch(), partial.round())).containsExactly(1L, 1L);
    assertThat(partial.modelDigest()).isEqualTo(ParameterDigest.of(INITIAL));
    assertThat(task.sent().get(2)).isEqualTo(new Watermark(6));
  }

  @Test
  void aRoundInWhichItWasGivenNothingHasAPartialSumToo() throws Exception {
    GradientTask task = start();
    task.epoch(1);
    task.model(1, 0, INITIAL);
    task.grant(1, 1, 5);
    task.watermarks(5);
    task.awaitMail();
    assertThat(task.partials())
        .singleElement()
        .satisfies(part -> assertThat(part.values()).containsExactly(0, 0, 0));
  }

  @Test
  void inputAndTimePassWhileGradientsAreTaken() throws Exception {
    GradientTask task = start();
    task.source.held = true;
    task.epoch(1);
    task.model(1, 0, INITIAL);
    task.grant(1, 1, 5);
    task.sample(1, 1, 5, "ann");
    task.watermarks(5);
    task.watermarks(7);
    OperatorSubtaskState snapshot = task.harness.snapshot(1, 1);
    assertThat(snapshot.getManagedOperatorState()).isNotEmpty();
    assertThat(task.sent()).containsExactly(new Watermark(4));
    task.source.maySum.release();
    task.awaitMail();
    assertThat(task.sent()).last().isEqualTo(new Watermark(7));
  }

  @Test
  void chunksLeaveOneAMail() throws Exception {
    int size = 2 * PartialSum.CHUNK + 1;
    GradientTask task = started(new GradientTask(new FakeSource(size), parameters));
    task.epoch(1);
    task.model(1, 0, new float[size]);
    task.grant(1, 1, 5);
    task.watermarks(5);
    for (int chunk = 0; chunk < 3; chunk++) {
      assertThat(task.partials()).hasSize(chunk);
      assertThat(task.watermarksSent()).doesNotContain(new Watermark(5));
      task.awaitMail();
    }
    assertThat(task.partials()).extracting(PartialSum::chunk).containsExactly(0, 1, 2);
    assertThat(task.sent()).last().isEqualTo(new Watermark(5));
  }

  @Test
  void gradientsAreTakenAtTheModelAnnouncedLastAndTheBaseIsKept() throws Exception {
    GradientTask task = start();
    float[] next = {1, 2, 3};
    task.epoch(1);
    task.model(1, 0, INITIAL);
    task.grant(1, 1, 5);
    task.sample(1, 1, 5, "ann");
    task.watermarks(5);
    task.awaitMail();
    task.model(1, 1, next);
    task.grant(1, 2, 6);
    task.sample(1, 2, 6, "ann");
    task.watermarks(6);
    task.awaitMail();
    assertThat(task.source.takenAt).containsExactly(INITIAL, next);
    assertThat(task.source.engines).as("what is frozen stayed the same").hasSize(1);
  }

  @Test
  void aModelThatIsNotWhatWasAnnouncedFailsTheTask() throws Exception {
    GradientTask task = start();
    task.epoch(1);
    float[] other = {9, 9, 9};
    var announced = GradientTask.put(parameters, 1, 0, INITIAL.clone());
    parameters.put(ParameterStore.Key.ofParameters(announced), other);
    task.signal(announced);
    assertThatThrownBy(task::awaitMail)
        .hasMessageContaining("Gradients cannot be taken at the model after round 0")
        .hasRootCauseInstanceOf(IOException.class)
        .rootCause()
        .hasMessageContaining(ParameterDigest.of(other));
    assertThat(task.source.takenAt).isEmpty();
  }

  /** It fails before anything is granted, for otherwise all of its users would count as failing. */
  @Test
  void aMachineThatFailsOnPublicTextFailsTheTask() throws Exception {
    GradientTask task = start();
    task.source.broken = true;
    task.epoch(1);
    task.model(1, 4, INITIAL);
    assertThatThrownBy(task::awaitMail)
        .hasRootCauseInstanceOf(PublicFaultException.class)
        .rootCause()
        .hasMessageContaining("on this worker, at the parameters after round 4");
  }

  /** Train may find that it fails on all machines, and halts: that is no fault of this one. */
  @Test
  void aMachineThatFailsAtTheNextModelFailsTheTaskOnceARoundIsGrantedAtIt() throws Exception {
    GradientTask task = start();
    task.epoch(1);
    task.model(1, 0, INITIAL);
    task.grant(1, 1, 5);
    task.watermarks(5);
    task.awaitMail();
    task.model(1, 1, Float.NaN, Float.NaN, Float.NaN);
    task.grant(1, 2, 6);
    assertThatThrownBy(task::awaitMail)
        .hasMessageContaining("Round 2 could not be summed up")
        .hasRootCauseInstanceOf(PublicFaultException.class);
    assertThat(task.hasMail()).isFalse();
  }

  @Test
  void whatTrainHasTriedInThisProcessIsNotTriedAgain() throws Exception {
    GradientTask task = start();
    task.source.broken = true;
    task.epoch(1);
    ModelVersion model = GradientTask.put(parameters, 1, 4, INITIAL);
    TriedModels.begin(model);
    task.signal(model);
    TriedModels.end(model.submission(), true);
    task.grant(1, 5, 5);
    task.watermarks(5);
    task.awaitMail();
    assertThat(task.partials()).hasSize(1);
    TriedModels.forget(model.submission());
  }

  @Test
  void anEngineThatFailsFailsTheTask() throws Exception {
    GradientTask task = start();
    task.source.failure = new AssertionError("planted");
    task.epoch(1);
    task.model(1, 0, INITIAL);
    task.grant(1, 1, 5);
    task.sample(1, 1, 5, "ann");
    task.watermarks(5);
    assertThatThrownBy(task::awaitMail).hasRootCauseMessage("planted");
    assertThat(task.partials()).isEmpty();
  }

  // ---- what does not fit into memory ----

  @Test
  void whatDoesNotFitIntoMemoryGoesToAFileThatGoesWithTheRound() throws Exception {
    List<String> users = IntStream.range(0, 2_000).mapToObj(i -> "user-" + i).toList();
    try (IOManagerAsync files = new IOManagerAsync(directory.toString())) {
      GradientTask task =
          started(
              new GradientTask(
                  new FakeSource(INITIAL.length), parameters, 10_000, 1, /* worker= */ 0, files));
      task.epoch(1);
      task.model(1, 0, INITIAL);
      for (String user : users) {
        task.sample(1, 1, 5, user);
      }
      assertThat(spilled()).hasSize(1);
      task.grant(1, 1, 5);
      task.watermarks(5);
      task.awaitMail();
      assertThat(task.partials().get(0).values())
          .containsExactly(GradientTask.sumOf(1, 1, INITIAL, users));
      assertThat(spilled()).isEmpty();
    }
  }

  @Test
  void theFileOfARoundThatNeverEndsGoesWithTheTask() throws Exception {
    try (IOManagerAsync files = new IOManagerAsync(directory.toString())) {
      GradientTask task =
          new GradientTask(
              new FakeSource(INITIAL.length), parameters, /* spoolBytes= */ 0, 1, 0, files);
      task.open();
      task.epoch(1);
      task.sample(1, 1, 5, "ann");
      assertThat(spilled()).hasSize(1);
      task.harness.close();
      assertThat(spilled()).isEmpty();
      assertThat(task.source.closed).isTrue();
    }
  }

  private List<Path> spilled() throws IOException {
    try (Stream<Path> files = Files.walk(directory)) {
      return files.filter(Files::isRegularFile).toList();
    }
  }

  // ---- epochs that are over ----

  @Test
  void whatIsInFlightIsNoPartOfASnapshot() throws Exception {
    GradientTask task = start();
    task.source.held = true;
    task.epoch(3);
    task.model(3, 0, INITIAL);
    task.grant(3, 1, 5);
    task.sample(3, 1, 5, "ann");
    GradientTask restored = restore(task.harness.snapshot(1, 1));

    // the grant, the samples and the watermark of the epoch that is over, sent again
    restored.epoch(3);
    restored.model(3, 0, INITIAL);
    restored.grant(3, 1, 5);
    restored.sample(3, 1, 5, "ann");
    restored.watermarks(5);
    assertThat(restored.sent()).containsExactly(new Watermark(5));

    restored.epoch(4);
    restored.model(4, 0, INITIAL);
    restored.grant(4, 2, 6);
    restored.sample(3, 1, 6, "ann");
    restored.sample(4, 2, 6, "ben");
    restored.watermarks(6);
    restored.awaitMail();
    assertThat(restored.partials())
        .singleElement()
        .satisfies(
            part ->
                assertThat(part.values())
                    .containsExactly(GradientTask.sumOf(4, 2, INITIAL, List.of("ben"))));
  }

  @Test
  void aModelOfADeadAttemptIsNotTaken() throws Exception {
    GradientTask task = start();
    task.epoch(1);
    task.model(1, 0, INITIAL);
    task.epoch(2);
    task.model(1, 1, 9, 9, 9);
    assertThatThrownBy(() -> task.grant(2, 2, 6))
        .hasMessageContaining("before a model of epoch 2 was announced");
  }

  // ---- other numbers of workers ----

  @Test
  void anyNumberOfWorkersFollowsOnASnapshotAndAllKnowTheEpoch() throws Exception {
    OperatorSubtaskState one = snapshotOfWorkers(1, 1, one(3))[0];
    OperatorSubtaskState[] two = snapshotOfWorkers(2, 1, one);
    OperatorSubtaskState[] three =
        snapshotOfWorkers(3, 2, AbstractStreamOperatorTestHarness.repackageState(two[0], two[1]));
    for (int worker = 0; worker < three.length; worker++) {
      GradientTask task = worker(3, worker, 3, three[worker]);
      task.epoch(3);
      task.model(3, 0, INITIAL);
      task.grant(3, 1, 5);
      task.watermarks(5);
      assertThat(task.partials()).as("epoch 3 is over for worker %d", worker).isEmpty();
      task.epoch(4);
      task.model(4, 0, INITIAL);
      task.grant(4, 1, 6);
      task.watermarks(6);
      task.awaitMail();
      assertThat(task.partials())
          .singleElement()
          .returns(worker, PartialSum::worker)
          .returns(3, PartialSum::workers);
    }
  }

  /** The state of one worker that has seen an epoch. */
  private OperatorSubtaskState one(long epoch) throws Exception {
    GradientTask task = start();
    task.epoch(epoch);
    return task.harness.snapshot(1, 1);
  }

  /** Restores workers from others' state, and takes theirs. */
  private OperatorSubtaskState[] snapshotOfWorkers(
      int workers, int before, OperatorSubtaskState state) throws Exception {
    OperatorSubtaskState[] snapshots = new OperatorSubtaskState[workers];
    for (int worker = 0; worker < workers; worker++) {
      OperatorSubtaskState own =
          AbstractStreamOperatorTestHarness.repartitionOperatorState(
              state, MAX_PARALLELISM, before, workers, worker);
      snapshots[worker] = worker(workers, worker, workers, own).harness.snapshot(2, 2);
    }
    return snapshots;
  }

  private GradientTask worker(int workers, int worker, int before, OperatorSubtaskState state)
      throws Exception {
    GradientTask task =
        new GradientTask(
            new FakeSource(INITIAL.length), parameters, 1 << 20, workers, worker, null);
    task.harness.initializeState(state);
    return started(task);
  }

  @Test
  void workersTogetherAddUpWhatOneAloneWould() throws Exception {
    List<String> users = IntStream.range(0, 50).mapToObj(i -> "user-" + i).toList();
    long[] sum = new long[INITIAL.length];
    for (int worker = 0; worker < 2; worker++) {
      GradientTask task =
          started(
              new GradientTask(
                  new FakeSource(INITIAL.length), parameters, 1 << 20, 2, worker, null));
      task.epoch(1);
      task.model(1, 0, INITIAL);
      task.grant(1, 1, 5);
      for (String user : users) {
        if (Math.floorMod(user.hashCode(), 2) == worker) {
          task.sample(1, 1, 5, user);
        }
      }
      task.watermarks(5);
      task.awaitMail();
      long[] part = task.partials().get(0).values();
      Arrays.setAll(sum, i -> sum[i] + part[i]);
    }
    assertThat(sum).containsExactly(GradientTask.sumOf(1, 1, INITIAL, users));
  }
}
