package io.murmuration.demo;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import io.murmuration.cli.Murmuration;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** A small demo of lifetimes: a sixth of the people, three lifetimes. Minutes. */
@Timeout(900)
class LifetimeRunITCase {

  private static final int LIFETIME = 8;
  private static final int ROUNDS = 3 * LIFETIME;

  @TempDir private Path out;

  private final StringWriter answer = new StringWriter();
  private final StringWriter errors = new StringWriter();

  private int run(String... arguments) {
    answer.getBuffer().setLength(0);
    errors.getBuffer().setLength(0);
    return Murmuration.commandLine()
        .setOut(new PrintWriter(answer, true))
        .setErr(new PrintWriter(errors, true))
        .execute(arguments);
  }

  private int demo(int rounds) {
    return run(
        "demo",
        "--horizon",
        "--json",
        "--web-port",
        "18081",
        "--expected-cohort",
        "96",
        "--sampling-probability",
        "0.128",
        "--lifetime",
        String.valueOf(LIFETIME),
        "--rounds",
        String.valueOf(rounds),
        "--out",
        out.toString());
  }

  @Test
  void trainingGoesOnAndNobodyTakesPartForLongerThanALifetime() throws Exception {
    assertThat(demo(ROUNDS)).as(errors.toString()).isZero();

    JsonNode run = new JsonMapper().readTree(answer.toString());
    long horizon = run.get("horizon_rounds").asLong();
    assertThat(horizon).isBetween((long) LIFETIME, LIFETIME + 1L);
    assertThat(run.get("rounds").asLong()).isGreaterThanOrEqualTo(ROUNDS);
    assertThat(run.get("halt").isNull()).isTrue();
    assertThat(run.get("epsilon_spent").asDouble()).isBetween(7.5, 8.0);
    assertThat(run.at("/trace/people_beyond").asLong()).isZero();
    assertThat(run.at("/trace/people_sampled_after_expiry").asLong()).isZero();
    assertThat(run.at("/trace/people_returned_after_expiry").asLong())
        .as("people who fell silent until all had expired, and came back")
        .isGreaterThan(20);
    assertThat(run.at("/trace/longest_life_rounds").asLong())
        .as("somebody is sampled near both ends of a life")
        .isBetween(horizon / 2, horizon);
    assertThat(run.at("/trace/people_sampled").asLong()).isGreaterThan(500);
    assertThat(run.get("topics")).hasSize(3);
    assertThat(run.at("/topics/0/learned").asBoolean()).as("the comet").isTrue();

    String ledger = out.resolve("ledger/demo.ledger").toString();
    assertThat(run("releases", "verify", out + "/releases", "--ledger-file", ledger))
        .as(answer + errors.toString())
        .isZero();
    assertThat(run("ledger", "verify", "--file", ledger)).isZero();
    assertThat(answer.toString())
        .contains("influence more than %d rounds of generation 1".formatted(horizon));

    // the demo's broker and state begin anew, and whatever was counted would be forgotten
    assertThat(demo(ROUNDS + 3)).isNotZero();
    assertThat(errors.toString()).contains("--new-generation");
  }
}
