package io.murmuration.demo;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import io.murmuration.cli.Murmuration;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/**
 * The demo tells the story that the README prints, on this machine as on others. Minutes: about six
 * on two cores.
 */
@Timeout(1_800)
class DemoITCase {

  /** Sampling and noise have no seed: figures differ from run to run, by far less than this. */
  private record Range(double low, double high) {}

  private static final Range BASE = new Range(4.20, 4.22);
  private static final Range HELD_OUT = new Range(1.1, 1.7);
  private static final Range OLD_TOPICS_BASE = new Range(1.04, 1.06);
  private static final Range OLD_TOPICS = new Range(0.85, 1.05);
  private static final Range TREND = new Range(1.15, 2.1);
  private static final Range TREND_BASE = new Range(6.31, 6.34);

  @TempDir private Path out;

  private static void assertWithin(Range range, double value, String what) {
    assertThat(value).as(what).isBetween(range.low(), range.high());
  }

  @Test
  void theReadmesFiguresAreOfThisDemo() throws Exception {
    String readme = Files.readString(Path.of("README.md"));

    assertWithin(BASE, figure(readme, "held-out text", 1), "README: held-out text, base");
    assertWithin(HELD_OUT, figure(readme, "held-out text", 2), "README: held-out text, now");
    assertWithin(OLD_TOPICS_BASE, figure(readme, "old topics", 1), "README: old topics, base");
    assertWithin(OLD_TOPICS, figure(readme, "old topics", 2), "README: old topics, now");
    assertWithin(TREND_BASE, figure(readme, "the trend", 1), "README: the trend, base");
    assertWithin(TREND, figure(readme, "the trend", 2), "README: the trend, now");
  }

  /** The first or second number behind a label. */
  private static double figure(String text, String label, int column) {
    Matcher row =
        Pattern.compile("(?m)^ *" + label + " +(\\d+\\.\\d{3}) +(\\d+\\.\\d{3})$").matcher(text);
    assertThat(row.find()).as("a row '%s' of two figures", label).isTrue();
    return Double.parseDouble(row.group(column));
  }

  @Test
  void aRunTellsTheSameStory() throws Exception {
    StringWriter answer = new StringWriter();
    StringWriter progress = new StringWriter();
    int exit =
        Murmuration.commandLine()
            .setOut(new PrintWriter(answer, true))
            .setErr(new PrintWriter(progress, true))
            .execute("demo", "--json", "--web-port", "18081", "--out", out.toString());

    assertThat(exit).as(progress.toString()).isZero();
    JsonNode run = new JsonMapper().readTree(answer.toString());
    assertThat(run.get("rounds").asInt()).isEqualTo(80);
    assertThat(run.get("releases").asInt()).isEqualTo(80);
    assertThat(run.get("events").asInt()).as("the whole stream is fed").isEqualTo(51_205);
    assertThat(run.get("epsilon_spent").asDouble()).isBetween(7.9, 8.0);
    assertThat(run.get("halt").asText()).isEqualTo("BUDGET_SPENT");
    assertThat(run.get("late_rounds").asLong())
        .as("as many as the ledger names")
        .isEqualTo(
            Files.readAllLines(out.resolve("ledger/demo.ledger")).stream()
                .filter(line -> line.contains("due_tick"))
                .count());
    JsonNode losses = run.get("held_out_loss");
    assertWithin(BASE, losses.get(0).get("nats_per_token").asDouble(), "held-out text, base");
    assertWithin(
        HELD_OUT,
        losses.get(losses.size() - 1).get("nats_per_token").asDouble(),
        "held-out text, now");
    assertWithin(OLD_TOPICS_BASE, run.at("/trend/oldTopicsBase").asDouble(), "old topics, base");
    assertWithin(OLD_TOPICS, run.at("/trend/oldTopicsAdapted").asDouble(), "old topics, now");
    assertWithin(TREND, run.at("/trend/trendAdapted").asDouble(), "the trend, now");
    assertThat(progress.toString()).as("output that is no terminal").doesNotContain("\u001b", "\r");
  }
}
