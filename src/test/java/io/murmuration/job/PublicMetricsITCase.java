package io.murmuration.job;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import io.murmuration.MetricsTable;
import io.murmuration.config.MurmurationConfig;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.TimeUnit;
import java.util.function.Predicate;
import java.util.stream.Collectors;
import org.apache.flink.api.common.functions.OpenContext;
import org.apache.flink.api.common.functions.RichMapFunction;
import org.apache.flink.configuration.Configuration;
import org.apache.flink.core.execution.JobClient;
import org.apache.flink.metrics.Gauge;
import org.apache.flink.metrics.MetricGroup;
import org.apache.flink.streaming.api.environment.StreamExecutionEnvironment;
import org.apache.flink.streaming.api.functions.sink.v2.DiscardingSink;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/**
 * All metrics of a running job against the tables of {@code docs/metrics.md}. What is neither there
 * nor one of Flink's own (the resource {@code flink-metrics.txt}) is found; so is what may exist
 * only on request.
 */
@Timeout(900)
class PublicMetricsITCase {

  private static final String ALL = "all";
  private static final String SHIPPED = "shipped";

  @TempDir private Path directory;

  @Test
  void everyMetricIsKnown_thoseOfCohortsAreAbsent_andOnlyPublicOnesLeave() throws Exception {
    Set<String> onRequest = scoped(row -> row.isPrivate().equals("on request"));
    Set<String> others = scoped(row -> !row.isPrivate().equals("on request"));
    others.removeIf(name -> name.endsWith(":deadLetters")); // shown with its first reason

    Set<String> plants =
        Set.of(MetricsTable.OPERATOR + ".private:usersSampled", MetricsTable.OPERATOR + ":sneaked");
    Set<String> expected = new TreeSet<>(others);
    expected.removeIf(name -> name.endsWith(":schemaRegistryAway")); // of the gated source
    expected.addAll(plants);

    runUntil(expected);

    Set<String> all = RecordedMetrics.in(ALL);
    Set<String> unknown = new TreeSet<>(all);
    unknown.removeAll(others);
    unknown.removeIf(name -> name.endsWith(":deadLetters"));
    List<String> flink = ofFlink();
    unknown.removeIf(name -> flink.stream().anyMatch(entry -> covers(entry, name)));
    assertThat(onRequest).hasSizeGreaterThan(8);
    assertThat(unknown)
        .as("a name that nobody classified, or one that exists only on request")
        .isEqualTo(plants);
    assertThat(RecordedMetrics.in(SHIPPED))
        .hasSizeGreaterThan(15)
        .isSubsetOf(MetricsTable.published());
  }

  private static Set<String> scoped(Predicate<MetricsTable.Row> which) throws IOException {
    return MetricsTable.read().stream()
        .filter(which)
        .map(MetricsTable.Row::scoped)
        .collect(Collectors.toCollection(TreeSet::new));
  }

  private static boolean covers(String entry, String name) {
    return entry.endsWith(".*")
        ? name.startsWith(entry.substring(0, entry.length() - 1))
        : name.equals(entry);
  }

  private static List<String> ofFlink() throws IOException {
    try (InputStream names = PublicMetricsITCase.class.getResourceAsStream("flink-metrics.txt")) {
      return new String(names.readAllBytes(), StandardCharsets.UTF_8)
          .lines()
          .filter(line -> !line.startsWith("#"))
          .toList();
    }
  }

  private void runUntil(Set<String> expected) throws Exception {
    Configuration flink =
        Configuration.fromMap(
            Map.of(
                "state.backend.type", "rocksdb",
                "execution.checkpointing.dir", directory.resolve("checkpoints").toUri().toString(),
                "taskmanager.memory.managed.size", "128 mb",
                "restart-strategy.type", "disable",
                "metrics.reporters", ALL + "," + SHIPPED));
    for (String reporter : Set.of(ALL, SHIPPED)) {
      String prefix = "metrics.reporter." + reporter + ".";
      flink.setString(prefix + "factory.class", RecordedMetrics.Factory.class.getName());
      flink.setString(prefix + "book", reporter);
    }
    String filter = "filter.includes";
    flink.setString(
        "metrics.reporter." + SHIPPED + "." + filter,
        PublicMetricsTest.shipped().getString("metrics.reporter.prom." + filter, null));
    try (StreamExecutionEnvironment env =
        StreamExecutionEnvironment.createLocalEnvironment(2, flink)) {
      MurmurationConfig config =
          JobConfigs.in(directory)
              .with("privacy.round-interval", "200 ms")
              .with("job.checkpoint-interval", "300 ms")
              .with("job.parallelism", "2")
              .config();
      env.enableCheckpointing(config.io().checkpointInterval().toMillis());
      BrokerlessJob.of(config).addTo(env);
      env.fromSequence(0, Long.MAX_VALUE)
          .map(new Sneak())
          .setParallelism(1)
          .sinkTo(new DiscardingSink<>());
      JobClient job = env.executeAsync("metrics");
      Set<String> seen = RecordedMetrics.in(ALL);
      await()
          .atMost(Duration.ofSeconds(90))
          .failFast(() -> job.getJobStatus().get().isTerminalState())
          .untilAsserted(() -> assertThat(seen).containsAll(expected));
      job.cancel().get(1, TimeUnit.MINUTES);
      // its files are deleted next
      job.getJobExecutionResult().handle((result, cancelled) -> null).get(1, TimeUnit.MINUTES);
    }
  }

  /** What somebody may add one day: a name of its own, and one that needs the option. */
  private static final class Sneak extends RichMapFunction<Long, Long> {

    private static final long serialVersionUID = 1L;

    @Override
    public void open(OpenContext context) {
      MetricGroup group = getRuntimeContext().getMetricGroup();
      group.addGroup("private").counter("usersSampled");
      group.gauge("sneaked", (Gauge<Integer>) () -> 0);
    }

    @Override
    public Long map(Long value) throws InterruptedException {
      Thread.sleep(100); // a slow stream, not a wait
      return value;
    }
  }
}
