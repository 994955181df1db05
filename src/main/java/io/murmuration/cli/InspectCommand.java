package io.murmuration.cli;

import com.fasterxml.jackson.databind.json.JsonMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.murmuration.contribution.StateSummary;
import io.murmuration.contribution.StateSummary.Distribution;
import io.murmuration.job.SavepointInspection;
import io.murmuration.job.SavepointInspection.OperatorSize;
import io.murmuration.storage.Location;
import java.io.PrintWriter;
import java.util.LinkedHashMap;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** {@code murmuration inspect}: what a savepoint holds, without a word of it. */
@Command(
    name = "inspect",
    mixinStandardHelpOptions = true,
    description =
        "Sizes and distributions of a savepoint's state: operators, users, examples, windows,"
            + " bytes.",
    footer =
        "%nNeither texts nor user ids are printed, but the numbers are exact functions of private"
            + " data: they are for the operator alone.")
final class InspectCommand implements Callable<Integer> {

  private static final JsonMapper JSON = new JsonMapper();

  /** Who wrote the state, where its format depends on that. */
  private enum Backend {
    ROCKSDB,
    HASHMAP
  }

  @Spec private CommandSpec spec;
  @Mixin private JsonOption json;

  @Parameters(
      index = "0",
      paramLabel = "SAVEPOINT",
      converter = LocationConverter.class,
      description = "Path or URI of a savepoint, or of a retained checkpoint (chk-...).")
  private Location savepoint;

  @Option(
      names = "--state-backend",
      paramLabel = "NAME",
      description =
          "Backend that wrote it: ${COMPLETION-CANDIDATES} (default: ${DEFAULT-VALUE}); a savepoint"
              + " in canonical format is read by either.")
  private Backend backend = Backend.ROCKSDB;

  @Override
  public Integer call() throws Exception {
    SavepointInspection inspection =
        SavepointInspection.read(savepoint.text(), backend.name().toLowerCase(Locale.ROOT));
    if (json.isGiven()) {
      json.print(tree(inspection));
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
    if (users.counted() > 0) {
      distributions.put("rounds used", users.roundsUsedPerUser());
    }
    return distributions;
  }

  private static void print(SavepointInspection inspection, PrintWriter out) {
    out.printf("checkpoint %d%n%n", inspection.checkpointId());
    Table operators = new Table("operator", ">parallelism", ">max parallelism", ">bytes");
    for (OperatorSize operator : inspection.operators()) {
      operators.row(
          operator.uid(),
          operator.parallelism(),
          operator.maxParallelism(),
          count(operator.bytes()));
    }
    operators.print(out);
    StateSummary users = inspection.users();
    out.printf(
        Locale.ROOT,
        "%nbound & sample: %,d users, %,d examples, %,d bytes of values%n",
        users.users(),
        users.totalExamples(),
        users.totalBytes());
    out.println();
    Table perUser = new Table("per user", ">min", ">mean", ">median", ">90 %", ">99 %", ">max");
    distributions(users)
        .forEach(
            (name, d) ->
                perUser.row(
                    name,
                    count(d.min()),
                    String.format(Locale.ROOT, "%,.1f", d.mean()),
                    count(d.median()),
                    count(d.p90()),
                    count(d.p99()),
                    count(d.max())));
    perUser.print(out);
    out.printf(Locale.ROOT, "%nwaiting for the first tick: %,d users%n", users.waiting());
    users
        .usersBySchedule()
        .forEach(
            (schedule, count) ->
                out.printf(Locale.ROOT, "sampled by %s: %,d users%n", schedule, count));
    if (users.counted() > 0) {
      out.printf(
          Locale.ROOT,
          "lifetimes: %,d users with a count from before, %,d of them retired%n",
          users.counted(),
          users.retired());
    }
  }

  private static String count(long value) {
    return String.format(Locale.ROOT, "%,d", value);
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
    sampler.set("usersBySchedule", JSON.valueToTree(users.usersBySchedule()));
    if (users.counted() > 0) {
      sampler.put("usersWithACount", users.counted());
      sampler.put("usersRetired", users.retired());
    }
    sampler.set("perUser", JSON.valueToTree(distributions(users)));
    return tree;
  }
}
