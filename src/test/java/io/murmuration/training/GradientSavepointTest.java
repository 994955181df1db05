package io.murmuration.training;

import static org.assertj.core.api.Assertions.assertThat;

import io.murmuration.training.GradientTask.FakeSource;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.UUID;
import org.apache.flink.runtime.checkpoint.OperatorSubtaskState;
import org.apache.flink.streaming.util.OperatorSnapshotUtil;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/**
 * A worker's state as former versions wrote it is restored; savepoints from before there were
 * workers have none of it. A fixture is written once, by {@link #main}, when a version is new, and
 * never changed.
 */
@Timeout(120)
class GradientSavepointTest {

  private static final int CURRENT_VERSION = 1;
  private static final float[] MODEL = {1, 2, 3};

  private static GradientTask task() throws Exception {
    return new GradientTask(
        new FakeSource(MODEL.length), new InMemoryParameterStore(UUID.randomUUID().toString()));
  }

  /**
   * Writes the fixture of the current version.
   *
   * @param args the directory of this package's test resources
   */
  public static void main(String[] args) throws Exception {
    GradientTask task = task();
    task.harness.initializeEmptyState();
    task.open();
    task.epoch(3);
    OperatorSnapshotUtil.writeStateHandle(
        task.harness.snapshot(1, 1), Path.of(args[0], "gradients-" + CURRENT_VERSION).toString());
    task.harness.close();
  }

  private OperatorSubtaskState fixture(int version) throws Exception {
    Path copy = Files.createTempFile("savepoint", "");
    try (InputStream fixture = getClass().getResourceAsStream("gradients-" + version)) {
      Files.write(copy, fixture.readAllBytes());
      return OperatorSnapshotUtil.readStateHandle(copy.toString());
    } finally {
      Files.delete(copy);
    }
  }

  @Test
  void theLastEpochOfTheFirstVersionIsOver() throws Exception {
    GradientTask restored = task();
    restored.harness.initializeState(fixture(1));
    restored.open();
    restored.epoch(3);
    restored.model(3, 0, MODEL);
    restored.grant(3, 1, 5);
    restored.watermarks(5);
    assertThat(restored.partials()).isEmpty();
    restored.epoch(4);
    restored.model(4, 0, MODEL);
    restored.grant(4, 1, 6);
    restored.watermarks(6);
    restored.awaitMail();
    assertThat(restored.partials()).singleElement().returns(4L, PartialSum::epoch);
    restored.harness.close();
  }
}
