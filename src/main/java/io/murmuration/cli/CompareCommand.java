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
public final class CompareCommand implements Callable<Integer> {

  @Spec private CommandSpec spec;
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
      names = {"--rounds", "-T"},
      converter = WholeNumber.Rounds.class,
      required = true,
      description = "Rounds of training.")
  private long rounds;

  @Option(names = "--epsilon", required = true, description = "The guarantee's epsilon, > 0.")
  private double epsilon;

  @Option(names = "--delta", required = true, description = "The guarantee's delta, in (0, 1).")
  private double delta;

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
      ComparisonPlot.write(chart.get(), rows, epsilon, delta);
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
            new PoissonSubsampledGaussian(userProbability, 1), rounds, epsilon, delta);
    List<ComparisonRow> rows = new ArrayList<>();
    for (int group : groupSizes) {
      double els =
          calibration.noiseMultiplier(new MixtureOfGaussians(p, group, 1), rounds, epsilon, delta);
      MixtureOfGaussians tight = new MixtureOfGaussians(p, group, els);
      rows.add(
          new ComparisonRow(
              group,
              uls,
              els,
              groupPrivacy.noiseMultiplier(tight, rounds, epsilon, delta),
              groupPrivacy.epsilon(tight, rounds, delta)));
    }
    return rows;
  }

  private Map<String, Object> describe(List<ComparisonRow> rows) {
    Map<String, Object> answer = new LinkedHashMap<>();
    answer.put("q", userProbability);
    answer.put("p", exampleProbability == null ? userProbability : exampleProbability);
    answer.put("rounds", rounds);
    answer.put("epsilon", epsilon);
    answer.put("delta", delta);
    answer.put("relation", Guarantee.RELATION);
    answer.put("rows", rows.stream().map(ComparisonRow::describe).toList());
    return answer;
  }

  private void print(List<ComparisonRow> rows) {
    PrintWriter out = spec.commandLine().getOut();
    out.printf(
        "Noise multiplier for epsilon %s, delta %s after %d rounds (%s)%n%n",
        AccountingOutput.text(epsilon), AccountingOutput.text(delta), rounds, Guarantee.RELATION);
    out.printf(
        "%6s  %10s  %10s  %13s  %5s  %22s%n",
        "G", "ULS", "ELS", "group privacy", "ratio", "epsilon if group priv.");
    for (ComparisonRow row : rows) {
      out.printf(
          "%6d  %10.5g  %10.5g  %13.5g  %5.3g  %22.5g%n",
          row.groupSize(),
          row.uls(),
          row.els(),
          row.groupPrivacy(),
          row.ratio(),
          row.groupPrivacyEpsilon());
    }
    out.printf(
        "%nratio: group privacy's noise over ELS's. Last column: what group privacy would state at"
            + " ELS's noise.%n");
    out.flush();
  }
}
