package io.murmuration.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.murmuration.release.Guarantee;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
import picocli.CommandLine;

class AccountingCommandsTest {

  private final StringWriter out = new StringWriter();
  private final StringWriter err = new StringWriter();

  private int run(Object command, String arguments) {
    return new CommandLine(command)
        .setCaseInsensitiveEnumValuesAllowed(true)
        .setOut(new PrintWriter(out, true))
        .setErr(new PrintWriter(err, true))
        .execute(arguments.split(" "));
  }

  private JsonNode json() throws Exception {
    return new ObjectMapper().readTree(out.toString());
  }

  @Test
  void account_userLevel_givesEpsilonAndItsCheck() throws Exception {
    int exit =
        run(
            new AccountCommand(),
            "--sampling uls --q 0.01 --noise-multiplier 1 --rounds 1000 --delta 1e-6 --json");

    assertThat(exit).isZero();
    // 2.1245 and, below, 3.2699: as PldAccountantTest has them
    assertThat(json().get("epsilon").asDouble()).isBetween(2.12445, 2.1245 * 1.001);
    assertThat(json().get("epsilon_rdp_check").asDouble()).isBetween(2.1245, 2.6);
  }

  /** σ 1.74 at q 0.0672 and 8 bands: what dp_accounting says of 19 rounds at 0.5376. */
  @Test
  void bands_areCyclesOfRounds() throws Exception {
    assertThat(
            run(
                new CalibrateCommand(),
                "--q 0.0672 --bands 8 --rounds 150 --epsilon 8 --delta 1e-6 --json"))
        .isZero();
    double sigma = json().get("noise_multiplier").asDouble();
    assertThat(sigma).isCloseTo(1.74, within(0.01));
    assertThat(json().get("bands").asInt()).isEqualTo(8);
    assertThat(json().get("epsilon").asDouble()).isBetween(7.99, 8.0);

    out.getBuffer().setLength(0);
    assertThat(
            run(
                new AccountCommand(),
                "--q 0.0672 --bands 8 --rounds 152 --delta 1e-6 --json --sigma " + sigma))
        .isZero();
    assertThat(json().get("epsilon").asDouble()).isBetween(7.99, 8.0);
    assertThat(json().has("epsilon_rdp_check")).isFalse();
    assertThat(run(new AccountCommand(), "--q 0.2 --bands 8 --rounds 8 --delta 1e-6 --sigma 1"))
        .isEqualTo(2);
    assertThat(err.toString())
        .contains("--bands 8 draws users 8 times as likely in their turn, 1.6,")
        .contains("give at most 5 bands, or a smaller probability");
  }

  @Test
  void aBudgetThatAffordsNoRound_saysWhatToRaise() throws Exception {
    assertThat(
            run(
                new CalibrateCommand(),
                "--q 0.5 --noise-multiplier 0.3 --epsilon 1 --delta 1e-6 --json"))
        .isZero();
    assertThat(json().get("rounds").asInt()).isZero();
    assertThat(err.toString()).contains("not even one round is afforded: raise --noise-multiplier");
  }

  @Test
  void bands_areNotForLifetimes() {
    assertThat(
            run(
                new AccountCommand(),
                "--horizon --q 0.01 --bands 2 --sigma 1 --epsilon 2 --delta 1e-6"))
        .isEqualTo(2);
    assertThat(err.toString()).contains("--horizon counts rounds, and with --bands users take");
    assertThat(
            run(
                new StatementCommand(),
                "--horizon --q 0.01 --bands 2 --sigma 1 -T 100 --delta 1e-6"))
        .isEqualTo(2);
  }

  @Test
  void statement_saysOverHowManyRoundsNoiseIsCorrelated() {
    assertThat(run(new StatementCommand(), "--q 0.0672 --bands 8 --sigma 1.74 -T 150 --delta 1e-6"))
        .isZero();
    assertThat(out.toString())
        .contains("After 150 rounds everything released is (ε = ")
        .contains("0.0672 over all rounds, 8 times that in one round of 8, the user's turn")
        .contains("deviation 1.74·C, which is correlated over 8 rounds, is added to the sum");
  }

  @Test
  void account_exampleLevel_givesDeltaAtEpsilon() throws Exception {
    int exit =
        run(
            new AccountCommand(),
            "--sampling els --p 0.01 --group-size 4 --noise-multiplier 2 --rounds 1000"
                + " --epsilon 3.2699 --json");

    assertThat(exit).isZero();
    assertThat(json().get("delta").asDouble()).isCloseTo(1e-6, within(1e-8));
  }

  @Test
  void account_badInput_isAUsageErrorThatNamesIt() {
    assertThat(run(new AccountCommand(), "--q 1.5 --noise-multiplier 1 --rounds 5 --delta 1e-6"))
        .isEqualTo(2);
    assertThat(err.toString()).contains("sampling probability must be in (0, 1] but is 1.5");
  }

  @Test
  void account_exampleLevelWithoutGroupSize_isAUsageError() {
    assertThat(
            run(
                new AccountCommand(),
                "--sampling els --p 0.1 --noise-multiplier 1 --rounds 5 --delta 1e-6"))
        .isEqualTo(2);
    assertThat(err.toString()).contains("--group-size is required");
  }

  @Test
  void account_probabilityOfExamples_meansExampleLevelSampling() throws Exception {
    String rest = " --noise-multiplier 1 --rounds 1000 --delta 1e-6 --json";
    assertThat(run(new AccountCommand(), "--p 0.01 --group-size 8" + rest)).isZero();
    assertThat(json().get("epsilon").asDouble()).isBetween(23.08, 23.082 * 1.001);

    assertThat(run(new AccountCommand(), "--sampling uls --p 0.01 --group-size 8" + rest))
        .isEqualTo(2);
    assertThat(run(new AccountCommand(), "--q 0.01 --p 0.01" + rest)).isEqualTo(2);
  }

  @Test
  void calibrate_givesNoiseOrRounds() throws Exception {
    assertThat(
            run(
                new CalibrateCommand(),
                "--q 0.1 --noise-multiplier 3 --epsilon 2 --delta 1e-6 --json"))
        .isZero();
    assertThat(json().get("rounds").asLong()).isEqualTo(155);

    out.getBuffer().setLength(0);
    run(new CalibrateCommand(), "--q 0.1 --rounds 512 --epsilon 1 --delta 1e-6 --json");
    assertThat(json().get("noise_multiplier").asDouble()).isCloseTo(9.66, within(0.01));
    assertThat(json().get("epsilon").asDouble()).isLessThanOrEqualTo(1);
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "--q 0.05 --epsilon 8 --delta 1e-6 --sigma 20",
        "--q 0.05 --epsilon 8 --delta 1e-6 --sigma 20 --precision 0.05",
        "--q 0.2 --epsilon 8 --delta 1e-6 --rounds 1",
        "--q 0.05 --epsilon 2 --delta 1e-6 --rounds 700 --precision 0.1",
        "--p 0.05 -G 4 --epsilon 0.5 --delta 1e-4 --rounds 30"
      })
  void calibrate_neverStatesMoreThanTheBudget(String arguments) throws Exception {
    assertThat(run(new CalibrateCommand(), arguments + " --json")).isZero();
    JsonNode answer = json();
    assertThat(answer.get("epsilon").asDouble())
        .isPositive()
        .isLessThanOrEqualTo(answer.get("epsilon_budget").asDouble());

    out.getBuffer().setLength(0);
    run(new CalibrateCommand(), arguments);
    assertThat(value("epsilon")).isLessThanOrEqualTo(value("epsilon budget"));
  }

  private double value(String key) {
    return out.toString()
        .lines()
        .filter(line -> line.startsWith(key + "  "))
        .mapToDouble(line -> Double.parseDouble(line.substring(key.length()).strip()))
        .findFirst()
        .orElseThrow();
  }

  @Test
  void account_horizon_answersWithRoundsTimeAndUsers() throws Exception {
    assertThat(
            run(
                new AccountCommand(),
                "--horizon --sampling uls --q 0.01 --noise-multiplier 1 --epsilon 2 --delta 1e-6"
                    + " --round-interval 10min --expected-units 1024 --json"))
        .as(err.toString())
        .isZero();

    assertThat(json().get("horizon_rounds").asLong()).isEqualTo(874);
    assertThat(json().get("epsilon").asDouble()).isBetween(1.99, 2.0);
    assertThat(json().get("horizon_seconds").asDouble()).isEqualTo(874 * 600);
    assertThat(json().get("new_users_per_round").asDouble()).isCloseTo(117.16, within(0.01));
  }

  /**
   * The most rounds that another accountant affords, which states an ε looser by about 10⁻³; at
   * that precision this one answers the same, and by default up to half a percent more.
   */
  @ParameterizedTest
  @CsvSource({
    "0.01, 1, 2, 872",
    "0.01, 1, 4, 3616",
    "0.01, 1, 8, 12928",
    "0.0168, 1, 2, 239",
    "0.0168, 1, 4, 1180",
    "0.0168, 1, 8, 4448",
    "0.067, 2, 2, 132",
    "0.067, 2, 4, 506",
    "0.067, 2, 8, 1768",
  })
  void account_horizon_affordsWhatALooserAccountantAffords(
      double q, double sigma, double epsilon, long rounds) throws Exception {
    String question =
        "--horizon --q %s --sigma %s --epsilon %s --delta 1e-6 --json".formatted(q, sigma, epsilon);
    assertThat(run(new AccountCommand(), question)).isZero();
    assertThat(json().get("horizon_rounds").asLong()).isBetween(rounds, rounds + rounds / 200);
    assertThat(json().get("epsilon").asDouble()).isBetween(0.98 * epsilon, epsilon);
  }

  @Test
  void account_horizon_dividesTheBudgetForGenerations() throws Exception {
    String mechanism = "--horizon --q 0.01 --sigma 1 --json";
    run(new AccountCommand(), mechanism + " --epsilon 4 --delta 2e-6 --generations 2");
    JsonNode divided = json();
    out.getBuffer().setLength(0);
    run(new AccountCommand(), mechanism + " --epsilon 2 --delta 1e-6");

    assertThat(divided.get("horizon_rounds")).isEqualTo(json().get("horizon_rounds"));
    assertThat(divided.get("epsilon_budget").asDouble()).isEqualTo(4);
    assertThat(divided.get("generations").asInt()).isEqualTo(2);
    assertThat(divided.get("epsilon_of_a_generation").asDouble()).isEqualTo(2);
    assertThat(json().has("generations")).isFalse();
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "--q 0.01 --sigma 1 --rounds 5 --delta 1e-6 --generations 2",
        "--horizon --q 0.01 --sigma 1 --epsilon 2 --delta 1e-6 --generations 0",
        "--horizon --q 0.01 --sigma 1 --epsilon 2",
        "--horizon --q 0.01 --sigma 1 --epsilon 2 --delta 1e-6 --rounds 5",
        "--q 0.01 --sigma 1 --rounds 5 --epsilon 2 --delta 1e-6",
        "--q 0.01 --sigma 1 --rounds 5",
        "--q 0.01 --sigma 1 --delta 1e-6",
        "--q 0.01 --sigma 1 --rounds 5 --delta 1e-6 --round-interval 1s",
        "--horizon --q 0.5 --sigma 0.5 --epsilon 0.1 --delta 1e-6 --expected-units 10"
      })
  void account_unclearQuestion_isAUsageError(String arguments) {
    assertThat(run(new AccountCommand(), arguments)).isEqualTo(2);
    assertThat(err.toString())
        .containsAnyOf("--horizon", "--rounds", "--epsilon", "--generations", "not one round");
  }

  @Test
  void account_saysWhatCalibrateSaid() throws Exception {
    run(new CalibrateCommand(), "--q 0.05 --rounds 700 --epsilon 8 --delta 1e-6 --json");
    JsonNode calibrated = json();
    out.getBuffer().setLength(0);
    run(
        new AccountCommand(),
        "--q 0.05 --rounds 700 --delta 1e-6 --json --sigma "
            + calibrated.get("noise_multiplier").asDouble());

    assertThat(json().get("epsilon")).isEqualTo(calibrated.get("epsilon"));
  }

  @Test
  void compare_tabulatesAndPlots(@TempDir Path directory) throws Exception {
    Path plot = directory.resolve("noise.svg");
    int exit =
        run(
            new CompareCommand(),
            "--q 0.01 -G 1,4 --rounds 100 --epsilon 4 --delta 1e-6 --json --plot " + plot);

    assertThat(exit).as(err.toString()).isZero();
    JsonNode rows = json().get("rows");
    assertThat(rows.get(0).get("ratio").asDouble()).isCloseTo(1, within(1e-3));
    assertThat(rows.get(1).get("ratio").asDouble()).isGreaterThan(1.01);
    assertThat(Files.readString(plot)).contains("<svg");
  }

  @Test
  void compare_unknownPlotFormat_isAUsageError() {
    assertThat(
            run(
                new CompareCommand(),
                "--q 0.01 -G 1 --rounds 10 --epsilon 4 --delta 1e-6 --plot noise.gif"))
        .isEqualTo(2);
    assertThat(err.toString()).contains(".svg or .png");
  }

  @Test
  void statement_saysWhatReviewersAskFor() {
    assertThat(
            run(new StatementCommand(), "--q 0.01 --noise-multiplier 1 --rounds 1000 --delta 1e-6"))
        .isZero();
    assertThat(out.toString())
        .contains("Protected unit: one user")
        .contains("add or remove one user")
        .contains("ε = 2.1248")
        .contains(Guarantee.PROMISE_OF_THE_DOMAIN)
        .contains(Guarantee.ASSUMPTIONS.stream().map(Guarantee.Assumption::sentence).toList());
  }

  @Test
  void statement_saysThatALifetimeIsForEver() {
    assertThat(
            run(
                new StatementCommand(),
                "--horizon --q 0.01 --noise-multiplier 1 --rounds 872 --delta 1e-6"))
        .isZero();
    assertThat(out.toString())
        .contains("For ever, everything released is (ε = 1.99")
        .contains("nobody's words influence more than 872 rounds of generation 1");
  }
}
