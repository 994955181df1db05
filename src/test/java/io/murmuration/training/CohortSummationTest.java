package io.murmuration.training;

import static org.assertj.core.api.Assertions.assertThat;

import io.murmuration.contribution.CohortRecord;
import io.murmuration.contribution.UserSample;
import io.murmuration.event.Example;
import io.murmuration.privacy.mechanism.Grant;
import io.murmuration.privacy.mechanism.RoundMechanism;
import io.murmuration.privacy.mechanism.Sampler;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class CohortSummationTest {

  private static final RoundMechanism MECHANISM =
      new RoundMechanism(Sampler.ULS, 0.1, 2, 1.0, 0.5, 10);

  private final QuadraticEngine engine = new QuadraticEngine(4);

  private static Grant grant(long epoch, long round) {
    return new Grant(epoch, round, round, 1, MECHANISM, 0.1, 1e-6, "00");
  }

  private static UserSample sample(long epoch, long round, String user) {
    return new UserSample(epoch, round, round, user, List.of(new Example(null, "from " + user)));
  }

  private ClippedSum sum(CohortRecord... records) {
    CohortSummation summation =
        new CohortSummation(engine, engine.initialParameters(), grant(2, 3));
    for (CohortRecord record : records) {
      summation.add(List.of(record));
    }
    return summation.result();
  }

  @Test
  void aUserCountsOncePerRound() {
    ClippedSum once = sum(sample(2, 3, "ann"));
    assertThat(sum(sample(2, 3, "ann"), sample(2, 3, "ann")).sum()).isEqualTo(once.sum());
    assertThat(once.slices()).isOne();
  }

  @Test
  void recordsOfOtherRoundsAndEpochsAreLeftOut() {
    assertThat(sum(sample(2, 3, "ann"), sample(1, 3, "bob"), sample(2, 2, "cat")).sum())
        .isEqualTo(sum(sample(2, 3, "ann")).sum());
  }

  @Test
  void workersTogetherAddUpToOneAlone() {
    long[] alone = sum(sample(2, 3, "ann"), sample(2, 3, "bob"), sample(2, 3, "cat")).sum();
    long[] first = sum(sample(2, 3, "cat")).sum();
    long[] second = sum(sample(2, 3, "bob"), sample(2, 3, "ann")).sum();
    for (int i = 0; i < alone.length; i++) {
      assertThat(first[i] + second[i]).isEqualTo(alone[i]);
    }
  }

  // ---- on its way to the worker ----

  private static final class Lines implements SampleSpool.Format {
    @Override
    public void write(CohortRecord record, java.io.OutputStream out) throws java.io.IOException {
      new java.io.DataOutputStream(out).writeUTF(((UserSample) record).userId());
    }

    @Override
    public CohortRecord read(java.io.InputStream in) throws java.io.IOException {
      return sample(2, 3, new java.io.DataInputStream(in).readUTF());
    }
  }

  @Test
  void whatDoesNotFitIntoMemoryWaitsInAFileThatGoesWithTheRound(@TempDir Path directory)
      throws Exception {
    Path file = directory.resolve("spill");
    List<CohortRecord> taken = new ArrayList<>();
    List<CohortRecord> added = new ArrayList<>();
    try (SampleSpool spool = new SampleSpool(/* memoryBytes= */ 2_000, new Lines(), () -> file)) {
      for (int i = 0; i < 60; i++) {
        added.add(sample(2, 3, "user " + i));
        spool.add(added.get(i));
        if (i == 40) {
          taken.addAll(spool.take(15));
        }
      }
      assertThat(spool.spilled()).isPositive();
      assertThat(file).exists();
      spool.complete();
      for (List<CohortRecord> next = spool.take(7); !next.isEmpty(); next = spool.take(7)) {
        taken.addAll(next);
      }
    }
    assertThat(taken).containsExactlyInAnyOrderElementsOf(added);
    assertThat(Files.exists(file)).isFalse();
  }
}
