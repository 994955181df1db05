package io.murmuration.chaos;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIOException;

import io.murmuration.contribution.CohortRecord;
import io.murmuration.contribution.CohortRecordSerializer;
import io.murmuration.contribution.UserCounts;
import io.murmuration.contribution.UserSample;
import io.murmuration.event.Example;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.apache.flink.streaming.api.environment.StreamExecutionEnvironment;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class SampleTraceTest {

  @TempDir private Path directory;

  private static CohortRecord sample(long epoch, long round, String user) {
    return new UserSample(epoch, round, /* tick= */ 7, user, List.of(new Example(null, "secret")));
  }

  @Test
  void attemptsAddUp_andTextsStayOut() throws Exception {
    run(sample(1, 1, "ann"), sample(1, 1, "bob"), new UserCounts(1, 1, 1, List.of(3L)));
    run(sample(2, 3, "ann"), sample(2, 3, "ann"));

    assertThat(SampleTrace.read(directory))
        .isEqualTo(Map.of("1/1", Set.of("ann", "bob"), "2/3", Set.of("ann")));
  }

  private void run(CohortRecord... records) throws Exception {
    StreamExecutionEnvironment env = StreamExecutionEnvironment.createLocalEnvironment(1);
    SampleTrace.addTo(
        env.fromData(new CohortRecordSerializer().typeInfo(CohortRecord.class), records),
        directory);
    env.execute();
  }

  @Test
  void aLineThatAKillCutIsLeftOut() throws Exception {
    Files.writeString(directory.resolve("a.samples"), "1/1 ann\n1/2 an");
    Files.writeString(directory.resolve("b.samples"), "1/2");
    assertThat(SampleTrace.read(directory)).isEqualTo(Map.of("1/1", Set.of("ann")));
  }

  @Test
  void anythingElseIsRefused() throws Exception {
    Files.writeString(directory.resolve("a.samples"), "1/1\n");
    assertThatIOException().isThrownBy(() -> SampleTrace.read(directory));
  }
}
