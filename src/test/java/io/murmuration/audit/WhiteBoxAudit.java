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
import picocli.CommandLine.Parameters;

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

  @Parameters(paramLabel = "RUNS", description = "How many; each takes about half a minute.")
  private int runs;

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
    MiniClusterWithClientResource cluster =
        new MiniClusterWithClientResource(ClusterPipeline.clusterConfiguration());
    cluster.before();
    try {
      int clean = 0;
      for (int i = 0; i < runs; i++) {
        Setting setting = SETTINGS.get(i % SETTINGS.size());
        WhiteBoxRun run = inADirectoryOfItsOwn(setting);
        clean += run.isClean() ? 1 : 0;
        System.out.printf("%d of %d: %s%n", i + 1, runs, run);
        run.findings().stream().filter(Finding::alarm).forEach(System.out::println);
      }
      System.out.printf("%d of %d runs clean%n", clean, runs);
      return clean == runs ? 0 : 1;
    } finally {
      cluster.after();
    }
  }

  private static WhiteBoxRun inADirectoryOfItsOwn(Setting setting) throws Exception {
    Path directory = Files.createTempDirectory("murmuration-audit");
    try {
      return WhiteBoxRun.honest(setting.sampler(), setting.epsilon(), directory);
    } finally {
      PathUtils.deleteDirectory(directory);
    }
  }
}
