package io.murmuration.training;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIOException;
import static org.awaitility.Awaitility.await;

import io.murmuration.contribution.CohortRecord;
import io.murmuration.contribution.CohortRecordSerializer;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.stream.IntStream;
import org.apache.flink.core.memory.DataInputViewStreamWrapper;
import org.apache.flink.core.memory.DataOutputViewStreamWrapper;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

@Timeout(120)
class SampleSpoolTest {

  private static final int COUNT = 1_000;

  @TempDir private Path directory;

  private static final class Records implements SampleSpool.Format {
    private final CohortRecordSerializer serializer = new CohortRecordSerializer();

    @Override
    public void write(CohortRecord record, OutputStream out) throws IOException {
      serializer.serialize(record, new DataOutputViewStreamWrapper(out));
    }

    @Override
    public CohortRecord read(InputStream in) throws IOException {
      return serializer.deserialize(new DataInputViewStreamWrapper(in));
    }
  }

  private SampleSpool spool(long memoryBytes) {
    return new SampleSpool(memoryBytes, new Records(), this::file);
  }

  private Path file() {
    return directory.resolve("spilled");
  }

  private static CohortRecord record(int user) {
    return GradientTask.sampleOf(1, 1, 5, "user-" + user);
  }

  private static List<CohortRecord> records() {
    return IntStream.range(0, COUNT).mapToObj(SampleSpoolTest::record).toList();
  }

  private static List<CohortRecord> takeAll(SampleSpool spool) throws Exception {
    List<CohortRecord> all = new ArrayList<>();
    for (List<CohortRecord> some = spool.take(64); !some.isEmpty(); some = spool.take(64)) {
      all.addAll(some);
    }
    return all;
  }

  /** With none to all of it in memory, every record comes out. */
  @ParameterizedTest
  @ValueSource(longs = {0, 1_000, 100_000, Long.MAX_VALUE / 2})
  void everyRecordComesOutOnce(long memoryBytes) throws Exception {
    try (SampleSpool spool = spool(memoryBytes)) {
      for (CohortRecord record : records()) {
        spool.add(record);
      }
      spool.complete();
      assertThat(takeAll(spool)).containsExactlyInAnyOrderElementsOf(records());
      assertThat(spool.spilled()).isBetween(0L, (long) COUNT);
      assertThat(spool.spilled() > 0).isEqualTo(memoryBytes < 1_000_000);
    }
    assertThat(file()).doesNotExist();
  }

  @Test
  void writingAndReadingTakeTurns() throws Exception {
    List<CohortRecord> taken = new ArrayList<>();
    try (SampleSpool spool = spool(/* memoryBytes= */ 2_000)) {
      for (int user = 0; user < COUNT; user++) {
        spool.add(record(user));
        if (user % 100 == 99) {
          taken.addAll(spool.take(60));
        }
      }
      spool.complete();
      taken.addAll(takeAll(spool));
    }
    assertThat(taken).containsExactlyInAnyOrderElementsOf(records());
  }

  @Test
  void takingWaitsForAsManyAsAskedForOrTheEnd() throws Exception {
    try (SampleSpool spool = spool(1 << 20)) {
      CompletableFuture<List<CohortRecord>> taken = new CompletableFuture<>();
      Thread taking =
          new Thread(
              () -> {
                try {
                  taken.complete(spool.take(3));
                } catch (IOException | InterruptedException e) {
                  taken.completeExceptionally(e);
                }
              });
      taking.start();
      spool.add(record(1));
      spool.add(record(2));
      await().until(() -> taking.getState() == Thread.State.WAITING);
      assertThat(taken).isNotDone();
      spool.complete();
      assertThat(taken.get()).containsExactly(record(1), record(2));
      assertThat(spool.take(3)).isEmpty();
    }
  }

  @Test
  void afterClosingThereIsNothing() throws Exception {
    SampleSpool spool = spool(/* memoryBytes= */ 0);
    spool.add(record(1));
    assertThat(file()).exists();
    spool.close();
    spool.add(record(2));
    assertThat(file()).doesNotExist();
    assertThat(spool.take(1)).isEmpty();
    spool.close();
  }

  @Test
  void aFileThatCannotBeWrittenIsSaid() throws Exception {
    try (SampleSpool spool =
        new SampleSpool(0, new Records(), () -> directory.resolve("nowhere/spilled"))) {
      assertThatIOException().isThrownBy(() -> spool.add(record(1)));
    }
  }
}
