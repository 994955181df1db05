package io.murmuration.cli;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.apache.flink.runtime.checkpoint.Checkpoints;
import org.apache.flink.runtime.checkpoint.OperatorState;
import org.apache.flink.runtime.checkpoint.metadata.CheckpointMetadata;
import org.apache.flink.state.api.OperatorIdentifier;
import org.apache.flink.streaming.util.OperatorSnapshotUtil;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import picocli.CommandLine;

/** Inspects savepoints made of the sampler's fixtures; the job's own is inspected by its ITCase. */
class InspectCommandTest {

  private static final String UID = "bound-and-sample";

  @TempDir private Path directory;
  private final StringWriter out = new StringWriter();
  private final StringWriter err = new StringWriter();

  private int run(String... arguments) {
    CommandLine commandLine = Murmuration.commandLine();
    commandLine.setOut(new PrintWriter(out));
    commandLine.setErr(new PrintWriter(err));
    return commandLine.execute(arguments);
  }

  /** As a job of parallelism 1 and 8 key groups would have written it on the heap. */
  private String savepoint(String fixture) throws Exception {
    Path copy = directory.resolve(fixture);
    try (InputStream in =
        getClass().getResourceAsStream("/io/murmuration/contribution/" + fixture)) {
      Files.copy(in, copy);
    }
    OperatorState state =
        new OperatorState(
            "bound & sample",
            UID,
            OperatorIdentifier.forUid(UID).getOperatorId(),
            /* parallelism= */ 1,
            /* maxParallelism= */ 8);
    state.putState(0, OperatorSnapshotUtil.readStateHandle(copy.toString()));
    Path savepoint = Files.createDirectory(directory.resolve("savepoint"));
    try (OutputStream metadata = Files.newOutputStream(savepoint.resolve("_metadata"))) {
      Checkpoints.storeCheckpointMetadata(
          new CheckpointMetadata(17, List.of(state), List.of()), metadata);
    }
    return savepoint.toString();
  }

  @ParameterizedTest
  @ValueSource(strings = {"savepoint-1-uls", "savepoint-1-els", "savepoint-2-uls"})
  void showsDistributionsOfEveryVersionsState_forPrograms(String fixture) throws Exception {
    assertThat(run("inspect", savepoint(fixture), "--state-backend", "hashmap", "--json"))
        .as(err.toString())
        .isZero();
    JsonNode tree = new ObjectMapper().readTree(out.toString());
    assertThat(tree.path("checkpoint").asInt()).isEqualTo(17);
    assertThat(tree.at("/operators/0/uid").textValue()).isEqualTo(UID);
    assertThat(tree.at("/operators/0/maxParallelism").asInt()).isEqualTo(8);
    assertThat(tree.at("/operators/0/bytes").asLong()).isPositive();
    JsonNode sampler = tree.path("boundAndSample");
    assertThat(sampler.path("users").asInt()).isEqualTo(4);
    assertThat(sampler.path("examples").asInt()).isEqualTo(8);
    assertThat(sampler.path("usersWaitingForTheFirstTick").asInt()).isZero();
    String schedule = fixture.endsWith("uls") ? "ULS 0.25" : "ELS 0.25";
    assertThat(sampler.path("usersBySchedule").path(schedule).asInt()).isEqualTo(4);
    JsonNode perUser = sampler.path("perUser");
    assertThat(perUser.at("/examples/max").asInt()).isEqualTo(2);
    assertThat(perUser.at("/windows/min").asInt()).isEqualTo(1);
    assertThat(perUser.at("/windows/max").asInt()).isEqualTo(2);
    assertThat(perUser.at("/events seen/min").asInt()).isEqualTo(2);
    assertThat(perUser.at("/events seen/max").asInt()).isEqualTo(4);
    assertThat(perUser.at("/bytes/min").asInt()).isBetween(50, 200);
  }

  @Test
  void countsLifetimes_alsoOfUsersOfWhomNothingElseIsKept() throws Exception {
    assertThat(run("inspect", savepoint("savepoint-lifetimes-1"), "--state-backend", "hashmap"))
        .isZero();
    assertThat(out.toString())
        .contains("bound & sample: 3 users, 1 examples")
        .containsPattern("rounds used +1 +2.0 +1 +3 +3 +3")
        .contains("sampled by ULS 1.0: 1 users")
        .contains("lifetimes: 2 users with a count from before, 1 of them retired");
  }

  @Test
  void showsTablesForPeople_andNoWordOfAnybody() throws Exception {
    assertThat(run("inspect", savepoint("savepoint-2-els"), "--state-backend", "hashmap"))
        .as(err.toString())
        .isZero();
    assertThat(out.toString())
        .contains("checkpoint 17", UID, "4 users, 8 examples", "sampled by ELS 0.25: 4")
        .doesNotContain("text", "next window", "user0", "🐦");
  }

  @Test
  void directoryWithoutASavepoint_failsByName() throws IOException {
    assertThat(run("inspect", directory.toString())).isEqualTo(CommandLine.ExitCode.SOFTWARE);
    assertThat(err.toString()).contains(directory.toString());
  }
}
