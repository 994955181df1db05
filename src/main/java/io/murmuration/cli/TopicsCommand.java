package io.murmuration.cli;

import io.murmuration.config.ConfigFile;
import io.murmuration.config.IoConfig;
import io.murmuration.config.MurmurationConfig;
import io.murmuration.job.JobTopics;
import io.murmuration.job.JobTopics.Outcome;
import io.murmuration.job.JobTopics.Result;
import java.io.IOException;
import java.io.PrintWriter;
import java.nio.file.Path;
import java.time.Duration;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutionException;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.NewTopic;
import picocli.CommandLine.ArgGroup;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/** {@code murmuration topics}: creates the topics of a job before its first start. */
@Command(
    name = "topics",
    description = {
      "Creates the topics of a job with the partitions and the retention that each needs.",
      "Topics that exist are compared and never changed; exit code 1 where one differs."
    },
    mixinStandardHelpOptions = true,
    showDefaultValues = true,
    sortOptions = false)
final class TopicsCommand implements Callable<Integer> {

  @Spec private CommandSpec spec;

  @ArgGroup(multiplicity = "1")
  private Source source;

  /** Names and addresses: from the job's configuration, or the default names of a domain. */
  static final class Source {
    @ArgGroup(exclusive = false)
    private FromConfig config;

    @ArgGroup(exclusive = false)
    private FromDomain domain;
  }

  static final class FromConfig extends ConfigOverrides {
    @Option(
        names = "--config",
        required = true,
        paramLabel = "FILE",
        description = "The job's configuration: brokers, names, replication, security settings.")
    private Path file;

    Map<String, String> settings() {
      Map<String, String> all = new LinkedHashMap<>(ConfigFile.read(file));
      all.putAll(overrides());
      return all;
    }
  }

  static final class FromDomain extends BrokersOption {
    @Option(
        names = "--domain",
        required = true,
        description = "Privacy domain; topics get the default names.")
    private String domain;

    @Option(
        names = "--replication-factor",
        paramLabel = "N",
        defaultValue = "3",
        description = "Copies of every partition.")
    private int replicationFactor;
  }

  @Option(
      names = "--partitions",
      paramLabel = "N",
      defaultValue = "8",
      description = "Partitions of the interactions topic: the most that ingest can be scaled to.")
  private int partitions;

  @Option(
      names = "--retention",
      paramLabel = "DURATION",
      defaultValue = "7 d",
      converter = DurationConverter.class,
      description =
          "How long interactions and dead letters are kept: both are raw user text. Ledger and"
              + " releases stay for ever.")
  private Duration retention;

  @Option(names = "--dry-run", description = "Only print what would be created.")
  private boolean dryRun;

  @Override
  public Integer call() throws InterruptedException, IOException {
    Properties client = new Properties();
    IoConfig.Topics names;
    if (source.config != null) {
      IoConfig io = MurmurationConfig.of(source.config.settings()).io();
      client.putAll(io.clientProperties());
      names = io.topics();
    } else {
      client.setProperty("bootstrap.servers", source.domain.bootstrapServers());
      names = IoConfig.Topics.ofDomain(source.domain.domain, source.domain.replicationFactor);
    }
    JobTopics topics = JobTopics.of(names, partitions, retention);
    return dryRun ? print(topics) : create(topics, client);
  }

  private int print(JobTopics topics) {
    PrintWriter out = spec.commandLine().getOut();
    Table table = new Table("topic", ">partitions", ">copies", "settings");
    for (NewTopic topic : topics.topics()) {
      table.row(topic.name(), topic.numPartitions(), topic.replicationFactor(), topic.configs());
    }
    table.print(out);
    return 0;
  }

  private int create(JobTopics topics, Properties client) throws InterruptedException, IOException {
    PrintWriter out = spec.commandLine().getOut();
    List<Result> results;
    try (Admin admin = Admin.create(client)) {
      results = topics.create(admin);
    } catch (ExecutionException e) {
      throw new IOException(
          "the brokers at %s do not answer, or refuse"
              .formatted(client.getProperty("bootstrap.servers")),
          e.getCause());
    }
    Table table = new Table("topic", "outcome");
    for (Result result : results) {
      String what =
          switch (result.outcome()) {
            case CREATED -> "created";
            case EXISTS -> "exists";
            case DIFFERS -> "differs: " + String.join(", ", result.differences());
          };
      table.row(result.topic(), what);
    }
    table.print(out);
    return results.stream().anyMatch(result -> result.outcome() == Outcome.DIFFERS) ? 1 : 0;
  }
}
