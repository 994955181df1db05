package io.murmuration.audit;

import io.murmuration.privacy.mechanism.Sampler;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.Callable;
import org.apache.commons.io.file.PathUtils;
import org.apache.flink.test.util.MiniClusterWithClientResource;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** {@code scripts/audit-white-box}. */
@Command(
    name = "audit-white-box",
    description =
        "Audits the honest pipeline so many times, in the build's four settings in turn, a line a"
            + " run. Exits with 1 if a run raised an alarm, with 2 if one did not come to its end.",
    mixinStandardHelpOptions = true)
final class WhiteBoxAudit implements Callable<Integer> {

  private record Setting(Sampler sampler, double epsilon) {}

  private static final List<Setting> SETTINGS =
      List.of(
          new Setting(Sampler.ULS, 2),
          new Setting(Sampler.ULS, 8),
          new Setting(Sampler.ELS, 2),
          new Setting(Sampler.ELS, 8));

  @Parameters(paramLabel = "RUNS", description = "How many; each takes about a minute.")
  private int runs;

  @Option(
      names = "--canaries",
      defaultValue = "" + WhiteBoxRun.CANARIES,
      showDefaultValue = CommandLine.Help.Visibility.ALWAYS,
      description = "Users who toss a coin; five of six are clipped.")
  private int canaries;

  @Option(
      names = "--rounds",
      defaultValue = "" + WhiteBoxRun.ROUNDS,
      showDefaultValue = CommandLine.Help.Visibility.ALWAYS,
      description = "Of a run. Fewer of either take less time and see less.")
  private int rounds;

  @Option(
      names = "--horizon",
      description =
          "Users have lifetimes and retire within a run, which goes through the operators alone:"
              + " the cluster's events come from no topic whose offsets could be counted.")
  private boolean horizon;

  @Spec private CommandSpec spec;

  public static void main(String[] args) {
    System.exit(
        new CommandLine(new WhiteBoxAudit())
            .setExecutionExceptionHandler(
                (failure, command, parsed) -> {
                  failure.printStackTrace(command.getErr());
                  return 2;
                })
            .execute(args));
  }

  @Override
  public Integer call() throws Exception {
    require("RUNS", runs, /* least= */ 1);
    require("--canaries", canaries, WhiteBoxRun.FEWEST_CANARIES);
    require("--rounds", rounds, WhiteBoxRun.FEWEST_ROUNDS);
    return horizon ? audit(this::throughOperators) : onACluster();
  }

  private int onACluster() throws Exception {
    MiniClusterWithClientResource cluster =
        new MiniClusterWithClientResource(ClusterPipeline.clusterConfiguration());
    cluster.before();
    try {
      return audit(this::inADirectoryOfItsOwn);
    } finally {
      cluster.after();
    }
  }

  /** Audits in one setting. */
  private interface Audited {
    WhiteBoxRun in(Setting setting) throws Exception;
  }

  private int audit(Audited audited) throws Exception {
    int clean = 0;
    for (int i = 0; i < runs; i++) {
      WhiteBoxRun run = audited.in(SETTINGS.get(i % SETTINGS.size()));
      clean += run.isClean() ? 1 : 0;
      System.out.printf("%d of %d: %s%n", i + 1, runs, run);
      run.findings().stream().filter(Finding::alarm).forEach(System.out::println);
    }
    System.out.printf("%d of %d runs clean%n", clean, runs);
    return clean == runs ? 0 : 1;
  }

  private WhiteBoxRun throughOperators(Setting setting) throws Exception {
    return WhiteBoxRun.ofLifetimes(setting.sampler(), setting.epsilon(), canaries, rounds);
  }

  private void require(String what, int given, int least) {
    if (given < least) {
      throw new ParameterException(
          spec.commandLine(), "%s must be at least %d but is %d".formatted(what, least, given));
    }
  }

  private WhiteBoxRun inADirectoryOfItsOwn(Setting setting) throws Exception {
    Path directory = Files.createTempDirectory("murmuration-audit");
    try {
      return WhiteBoxRun.of(
          WhiteBoxRun.setting(setting.sampler(), setting.epsilon(), canaries, rounds),
          Plant.nothing(),
          directory);
    } finally {
      PathUtils.deleteDirectory(directory);
    }
  }
}
