package io.murmuration.cli;

import com.fasterxml.jackson.databind.json.JsonMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.murmuration.contribution.StateSummary;
import io.murmuration.contribution.StateSummary.Distribution;
import io.murmuration.job.SavepointInspection;
import io.murmuration.job.SavepointInspection.OperatorSize;
import java.io.PrintWriter;
import java.util.LinkedHashMap;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** {@code murmuration inspect}: what a savepoint holds, without a word of it. */
@Command(
    name = "inspect",
    mixinStandardHelpOptions = true,
    description =
        "Sizes and distributions of a savepoint's state: operators, users, examples, windows, bytes.",
    footer =
        "%nNeither texts nor user ids are printed, but the numbers are exact functions of private data:"
            + " they are for the operator alone.")
public final class InspectCommand implements Callable<Integer> {

  private static final JsonMapper JSON = new JsonMapper();

  /** Who wrote the state, where its format depends on that. */
  private enum Backend {
    ROCKSDB,
    HASHMAP
  }

  @Spec private CommandSpec spec;

  @Parameters(
      index = "0",
      paramLabel = "SAVEPOINT",
      description = "Directory of a savepoint, or of a retained checkpoint (chk-...).")
  private String savepoint;

  @Option(
      names = "--state-backend",
      paramLabel = "NAME",
      description =
          "Backend that wrote it: ${COMPLETION-CANDIDATES} (default: ${DEFAULT-VALUE}); a savepoint"
              + " in canonical format is read by either.")
  private Backend backend = Backend.ROCKSDB;

  @Option(names = "--json", description = "Print one JSON object.")
  private boolean json;

  @Override
  public Integer call() throws Exception {
    SavepointInspection inspection =
        SavepointInspection.read(savepoint, backend.name().toLowerCase(Locale.ROOT));
    if (json) {
      spec.commandLine()
          .getOut()
          .println(JSON.writerWithDefaultPrettyPrinter().writeValueAsString(tree(inspection)));
    } else {
      print(inspection, spec.commandLine().getOut());
    }
    return 0;
  }

  private static Map<String, Distribution> distributions(StateSummary users) {
    Map<String, Distribution> distributions = new LinkedHashMap<>();
    distributions.put("examples", users.examplesPerUser());
    distributions.put("windows", users.windowsPerUser());
    distributions.put("events seen", users.eventsSeenPerUser());
    distributions.put("bytes", users.bytesPerUser());
    return distributions;
  }

  private static void print(SavepointInspection inspection, PrintWriter out) {
    out.printf("checkpoint %d%n%n", inspection.checkpointId());
    out.printf("%-32s %11s %15s %15s%n", "operator", "parallelism", "max parallelism", "bytes");
    for (OperatorSize operator : inspection.operators()) {
      out.printf(
          Locale.ROOT,
          "%-32s %11d %15d %,15d%n",
          operator.uid(),
          operator.parallelism(),
          operator.maxParallelism(),
          operator.bytes());
    }
    StateSummary users = inspection.users();
    out.printf(
        Locale.ROOT,
        "%nbound & sample: %,d users, %,d examples, %,d bytes of values%n",
        users.users(),
        users.totalExamples(),
        users.totalBytes());
    out.printf(
        "%n%-12s %8s %12s %10s %10s %10s %10s%n",
        "per user", "min", "mean", "median", "90 %", "99 %", "max");
    distributions(users)
        .forEach(
            (name, d) ->
                out.printf(
                    Locale.ROOT,
                    "%-12s %,8d %,12.1f %,10d %,10d %,10d %,10d%n",
                    name,
                    d.min(),
                    d.mean(),
                    d.median(),
                    d.p90(),
                    d.p99(),
                    d.max()));
    out.printf(Locale.ROOT, "%nwaiting for the first tick: %,d users%n", users.waiting());
    users
        .usersBySchedule()
        .forEach(
            (schedule, count) ->
                out.printf(Locale.ROOT, "clocks drawn with %s: %,d users%n", schedule, count));
  }

  private static ObjectNode tree(SavepointInspection inspection) {
    StateSummary users = inspection.users();
    ObjectNode tree = JSON.createObjectNode();
    tree.put("checkpoint", inspection.checkpointId());
    tree.set("operators", JSON.valueToTree(inspection.operators()));
    ObjectNode sampler = tree.putObject("boundAndSample");
    sampler.put("users", users.users());
    sampler.put("examples", users.totalExamples());
    sampler.put("valueBytes", users.totalBytes());
    sampler.put("usersWaitingForTheFirstTick", users.waiting());
    sampler.set("usersByClock", JSON.valueToTree(users.usersBySchedule()));
    sampler.set("perUser", JSON.valueToTree(distributions(users)));
    return tree;
  }
}
