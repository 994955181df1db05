package io.murmuration.demo;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.murmuration.cli.Murmuration;
import io.murmuration.release.Manifest;
import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/**
 * {@code murmuration audit} from the command line to the exit code: the same claim is contradicted
 * where a release was trained with hardly any noise, and is not where it was trained as claimed.
 *
 * <p>The claim, ε = {@value #CLAIM} on {@value #CANARIES} canaries, is contradicted by 22 of 24
 * right guesses: a fair coin guesses so well once in 50,000 runs, and without noise all 24 are
 * right as a rule.
 */
@Timeout(600)
class AuditITCase {

  private static final int CANARIES = 80;
  private static final double CLAIM = 1.5;

  /** So much that noise is a thousandth of what one user contributes. */
  private static final double NO_NOISE = 1e6;

  /** So long that a release is visible well before the last round. */
  private static final String CUT_OFF_INTERVAL = "300ms";

  private static final JsonMapper JSON = new JsonMapper();

  @TempDir private Path directory;

  private Path events;

  /** What a command said. */
  private record Answer(int exit, String out, String err) {
    JsonNode json() throws IOException {
      return JSON.readTree(out);
    }
  }

  @BeforeEach
  void writeAFewUsersOtherThanCanaries() throws IOException {
    List<String> lines = new ArrayList<>();
    for (int user = 0; user < 8; user++) {
      lines.add(
          "{\"user_id\":\"user-%d\",\"event_time\":\"2026-01-01T00:00:00Z\",\"text\":\"has anyone seen the cat of number %d\"}"
              .formatted(user, user));
    }
    events = Files.write(directory.resolve("events.jsonl"), lines);
  }

  @Test
  void aFalseClaimIsContradictedAndATrueOneIsNot_andAnAuditGoesOnWhereItWasCutOff()
      throws Exception {
    Path honest = directory.resolve("honest");
    Answer passed = audit(honest, CLAIM, "20ms");
    assertThat(passed.exit()).as(passed.err()).isZero();
    assertThat(passed.json().get("falsified").asBoolean()).isFalse();
    assertThat(passed.json().get("canaries").asInt()).isEqualTo(CANARIES);
    assertThat(passed.json().get("epsilon_claimed").asDouble()).isBetween(0.9 * CLAIM, CLAIM);
    assertThat(passed.json().get("epsilon_lower").asDouble()).isLessThan(CLAIM);
    assertThat(passed.err())
        .as("output that is no terminal")
        .contains("Canaries 100%")
        .doesNotContain("\u001b", "\r");

    Path leaky = directory.resolve("leaky");
    cutOffWhileItTrains(leaky);
    String canaries = Files.readString(leaky.resolve("canaries.json"));
    Answer trained = audit(leaky, NO_NOISE, CUT_OFF_INTERVAL);
    assertThat(trained.exit()).as("what it says of itself: " + trained.err()).isZero();
    assertThat(trained.err()).as("training goes on from a release").contains("Resumes   ");
    assertThat(leaky.resolve("canaries.json")).hasContent(canaries);

    claimOf(honest, leaky);
    cutOffWhileItMeasures(leaky);
    Answer caught = audit(leaky, NO_NOISE, CUT_OFF_INTERVAL);
    assertThat(caught.exit()).as(caught.err()).isOne();
    assertThat(caught.err()).as("training is not repeated").doesNotContain("Rounds");
    assertThat(caught.json().get("falsified").asBoolean()).isTrue();
    assertThat(caught.json().get("epsilon_lower").asDouble()).isGreaterThan(CLAIM);
    assertThat(caught.json().get("epsilon_claimed"))
        .isEqualTo(passed.json().get("epsilon_claimed"));
    assertThat(caught.json().get("guesses_correct"))
        .as("what is measured after an interruption is what was measured before")
        .isEqualTo(trained.json().get("guesses_correct"));
    assertThat(leaky.resolve("audit.html")).content().contains("is false, at confidence 95");
    assertThat(honest.resolve("audit.html")).content().contains("does not contradict the claim");
  }

  /** Interrupted behind its first visible release, in the midst of its rounds. */
  private void cutOffWhileItTrains(Path out) throws InterruptedException {
    List<Answer> answers = new ArrayList<>();
    Thread auditor = new Thread(() -> answers.add(audit(out, NO_NOISE, CUT_OFF_INTERVAL)));
    auditor.start();
    await()
        .atMost(Duration.ofMinutes(3))
        .pollInterval(Duration.ofMillis(50))
        .failFast(() -> !auditor.isAlive())
        .until(() -> hasRelease(out));
    auditor.interrupt();
    auditor.join();
    assertThat(answers).singleElement().extracting(Answer::exit).isEqualTo(2);
    assertThat(out.resolve("trained")).doesNotExist();
  }

  private static boolean hasRelease(Path out) throws IOException {
    Path releases = out.resolve("releases");
    if (!Files.isDirectory(releases)) {
      return false;
    }
    try (Stream<Path> names = Files.list(releases)) {
      return names.anyMatch(path -> path.getFileName().toString().startsWith("round-"));
    }
  }

  /** As if it had been killed while it wrote its 31st line. */
  private static void cutOffWhileItMeasures(Path out) throws IOException {
    Path losses = out.resolve("losses.txt");
    List<String> measured = Files.readAllLines(losses);
    assertThat(measured).hasSize(CANARIES);
    Files.writeString(losses, String.join("\n", measured.subList(0, 30)) + "\n0.0");
  }

  /** Lets the newest release of one audit claim what that of another does. */
  private static void claimOf(Path from, Path to) throws IOException {
    Path release = newest(to).resolve(Manifest.FILE);
    ObjectNode manifest = (ObjectNode) JSON.readTree(release.toFile());
    ObjectNode claim = (ObjectNode) JSON.readTree(newest(from).resolve(Manifest.FILE).toFile());
    for (String said : List.of("epsilon_spent", "mechanism", "round")) {
      assertThat(claim.has(said)).as(said).isTrue();
      manifest.set(said, claim.get(said));
    }
    Files.write(release, JSON.writeValueAsBytes(manifest));
  }

  private static Path newest(Path out) throws IOException {
    return out.resolve("releases").resolve("latest").toRealPath();
  }

  private Answer audit(Path out, double epsilon, String interval) {
    StringWriter answer = new StringWriter();
    StringWriter progress = new StringWriter();
    int exit =
        Murmuration.commandLine()
            .setOut(new PrintWriter(answer, true))
            .setErr(new PrintWriter(progress, true))
            .execute(
                "audit",
                "--json",
                "--events=" + events,
                "--held-out-users=4",
                "--out=" + out,
                "--canaries=" + CANARIES,
                "--epsilon=" + epsilon,
                "--rounds=20",
                "--expected-cohort=" + (CANARIES / 2 + 4),
                "--sampling-probability=1",
                "--learning-rate=0.05",
                "--max-tokens=16",
                "--round-interval=" + interval,
                "--web-port=18091");
    return new Answer(exit, answer.toString(), progress.toString());
  }
}
