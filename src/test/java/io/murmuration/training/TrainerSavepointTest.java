package io.murmuration.training;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import org.apache.flink.runtime.checkpoint.OperatorSubtaskState;
import org.apache.flink.streaming.util.OperatorSnapshotUtil;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * The trainer's state as former versions wrote it is restored. A fixture is written once, by {@link
 * #main}, when a version is new, and never changed.
 */
@Timeout(120)
class TrainerSavepointTest {

  private static final int CURRENT_VERSION = 2;
  private static final int PARAMETERS = 1_000;

  /**
   * Writes the fixture of the current version.
   *
   * @param args the directory of this package's test resources
   */
  public static void main(String[] args) throws Exception {
    TrainTask task = new TrainTask(new TrainTask.FakeTrainer().withParameters(PARAMETERS));
    task.harness.initializeEmptyState();
    task.open();
    task.epoch(3);
    for (int round = 1; round <= 2; round++) {
      task.round(3, round, 4 + round);
      task.awaitMail();
    }
    OperatorSnapshotUtil.writeStateHandle(
        task.harness.snapshot(1, 1), Path.of(args[0], "train-" + CURRENT_VERSION).toString());
    task.harness.close();
  }

  private OperatorSubtaskState fixture(int version) throws Exception {
    Path copy = Files.createTempFile("savepoint", "");
    try (InputStream fixture = getClass().getResourceAsStream("train-" + version)) {
      Files.write(copy, fixture.readAllBytes());
      return OperatorSnapshotUtil.readStateHandle(copy.toString());
    } finally {
      Files.delete(copy);
    }
  }

  @ParameterizedTest
  @ValueSource(ints = {1, 2})
  void stateOfEveryVersionIsRestoredAndWrittenAnew(int version) throws Exception {
    float[] parameters = new float[PARAMETERS];
    double[] moment = new double[PARAMETERS];
    for (int i = 0; i < PARAMETERS; i++) { // as the fake trainer makes them in round 2
      parameters[i] = i + 2;
      moment[i] = -i * 1e-3;
    }
    TrainTask restored = new TrainTask(new TrainTask.FakeTrainer());
    restored.harness.initializeState(fixture(version));
    restored.open();

    TrainerState found = restored.trainer.restored;
    assertThat(found.round()).isEqualTo(2);
    assertThat(found.executedRounds()).isEqualTo(2);
    assertThat(found.parameters()).isEqualTo(parameters);
    assertThat(found.optimizer().moments()).hasSize(1);
    assertThat(found.optimizer().moments().get(0)).isEqualTo(moment);

    restored.grant(3, 3, 9);
    restored.partial(3, 3, 0, 0, 0);
    restored.partialWatermark(9);
    restored.signalWatermark(9);
    assertThat(restored.harness.getTaskMailbox().hasMail()).as("epoch 3 is over").isFalse();
    TrainTask again = new TrainTask(new TrainTask.FakeTrainer());
    again.harness.initializeState(restored.harness.snapshot(2, 2));
    again.open();
    assertThat(again.trainer.restored.parameters()).isEqualTo(parameters);
    restored.harness.close();
    again.harness.close();
  }
}
