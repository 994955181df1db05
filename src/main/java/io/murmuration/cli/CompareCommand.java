package io.murmuration.cli;

import io.murmuration.chart.ChartFile;
import io.murmuration.privacy.accounting.GroupPrivacy;
import io.murmuration.privacy.accounting.MixtureOfGaussians;
import io.murmuration.privacy.accounting.NoiseCalibration;
import io.murmuration.privacy.accounting.PldAccountant;
import io.murmuration.privacy.accounting.PoissonSubsampledGaussian;
import io.murmuration.release.Guarantee;
import java.io.IOException;
import java.io.PrintWriter;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/**
 * {@code murmuration compare}: the noise that ULS, ELS and ELS by black-box group privacy need for
 * the same user-level guarantee, over group sizes.
 */
@Command(
    name = "compare",
    mixinStandardHelpOptions = true,
    description = {
      "The noise multipliers that user-level sampling, example-level sampling and example-level",
      "sampling accounted by black-box group privacy need for the same user-level guarantee."
    })
final class CompareCommand implements Callable<Integer> {

  @Spec private CommandSpec spec;
  @Mixin private GuaranteeOptions guarantee;
  @Mixin private RoundsOption rounds;
  @Mixin private AccountantOptions accountant;
  @Mixin private AccountingOutput output;

  @Option(
      names = "--q",
      required = true,
      description = "Chance in (0, 1] that a user takes part in a round (uls).")
  private double userProbability;

  @Option(
      names = "--p",
      description = "Chance in (0, 1] that an example takes part (els). Default: the same as --q.")
  private Double exampleProbability;

  @Option(
      names = {"--group-sizes", "-G"},
      converter = WholeNumber.GroupSize.class,
      split = ",",
      defaultValue = "1,2,4,8,16",
      description = "Examples per user to compare at. Default: ${DEFAULT-VALUE}.")
  private List<Integer> groupSizes;

  @Option(
      names = "--plot",
      paramLabel = "FILE",
      description = "Also draw the comparison into a .svg or .png file.")
  private Path plot;

  @Override
  public Integer call() throws IOException {
    Optional<ChartFile> chart =
        AccountingOutput.checked(spec, () -> Optional.ofNullable(plot).map(ChartFile::at));
    List<ComparisonRow> rows = AccountingOutput.checked(spec, this::compare);
    if (chart.isPresent()) {
      ComparisonPlot.write(chart.get(), rows, guarantee.epsilon(), guarantee.delta());
    }
    if (output.json()) {
      AccountingOutput.printJson(spec.commandLine().getOut(), describe(rows));
    } else {
      print(rows);
    }
    return 0;
  }

  private List<ComparisonRow> compare() {
    PldAccountant pld = accountant.create();
    NoiseCalibration calibration = new NoiseCalibration(pld);
    GroupPrivacy groupPrivacy = new GroupPrivacy(pld);
    double p = exampleProbability == null ? userProbability : exampleProbability;
    double uls =
        calibration.noiseMultiplier(
            new PoissonSubsampledGaussian(userProbability, 1),
            rounds.rounds(),
            guarantee.epsilon(),
            guarantee.delta());
    List<ComparisonRow> rows = new ArrayList<>();
    for (int group : groupSizes) {
      double els =
          calibration.noiseMultiplier(
              new MixtureOfGaussians(p, group, 1),
              rounds.rounds(),
              guarantee.epsilon(),
              guarantee.delta());
      MixtureOfGaussians tight = new MixtureOfGaussians(p, group, els);
      rows.add(
          new ComparisonRow(
              group,
              uls,
              els,
              groupPrivacy.noiseMultiplier(
                  tight, rounds.rounds(), guarantee.epsilon(), guarantee.delta()),
              groupPrivacy.epsilon(tight, rounds.rounds(), guarantee.delta())));
    }
    return rows;
  }

  private Map<String, Object> describe(List<ComparisonRow> rows) {
    Map<String, Object> answer = new LinkedHashMap<>();
    answer.put("q", userProbability);
    answer.put("p", exampleProbability == null ? userProbability : exampleProbability);
    answer.put("rounds", rounds.rounds());
    answer.put("epsilon", guarantee.epsilon());
    answer.put("delta", guarantee.delta());
    answer.put("relation", Guarantee.RELATION);
    answer.put("rows", rows.stream().map(ComparisonRow::describe).toList());
    return answer;
  }

  private void print(List<ComparisonRow> rows) {
    PrintWriter out = spec.commandLine().getOut();
    out.printf(
        "Noise multiplier for epsilon %s, delta %s after %d rounds (%s)%n%n",
        AccountingOutput.text(guarantee.epsilon()),
        AccountingOutput.text(guarantee.delta()),
        rounds.rounds(),
        Guarantee.RELATION);
    Table table =
        new Table(">G", ">ULS", ">ELS", ">group privacy", ">ratio", ">epsilon by group privacy");
    for (ComparisonRow row : rows) {
      table.row(
          row.groupSize(),
          digits(row.uls(), 5),
          digits(row.els(), 5),
          digits(row.groupPrivacy(), 5),
          digits(row.ratio(), 3),
          digits(row.groupPrivacyEpsilon(), 5));
    }
    table.print(out);
    out.printf(
        "%nratio: group privacy's noise over ELS's. Last column: what group privacy would state at"
            + " ELS's noise.%n");
    out.flush();
  }

  private static String digits(double value, int digits) {
    return String.format("%." + digits + "g", value);
  }
}
