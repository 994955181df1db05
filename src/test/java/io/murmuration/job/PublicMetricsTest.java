package io.murmuration.job;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.dataformat.yaml.YAMLFactory;
import io.murmuration.MetricsTable;
import java.io.File;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import org.apache.flink.configuration.Configuration;
import org.apache.flink.configuration.DelegatingConfiguration;
import org.apache.flink.configuration.GlobalConfiguration;
import org.apache.flink.metrics.Metric;
import org.apache.flink.metrics.SimpleCounter;
import org.apache.flink.runtime.metrics.filter.DefaultReporterFilters;
import org.apache.flink.runtime.metrics.filter.ReporterFilter;
import org.junit.jupiter.api.Test;

/** The filters of the shipped configurations, put to Flink's own matcher. */
class PublicMetricsTest {

  private static final String REPORTER = "metrics.reporter.prom.";

  /** What tells of a cohort, of those that every Flink job has. */
  private static final List<String> OF_FLINK =
      List.of(
          MetricsTable.OPERATOR + ":numRecordsIn",
          MetricsTable.OPERATOR + ":numRecordsOut",
          MetricsTable.OPERATOR + ":numRecordsInPerSecond",
          "taskmanager.job.task:numRecordsOut",
          "taskmanager.job.task:numBytesOut",
          "taskmanager.job.task:busyTimeMsPerSecond",
          "taskmanager.job.task:accumulateBusyTimeMs",
          "taskmanager.job.task:backPressuredTimeMsPerSecond",
          "taskmanager.job.task:currentInputWatermark",
          "taskmanager.job.task.Shuffle.Netty.Output.Buffers:outputQueueLength",
          "taskmanager.Status.JVM.CPU:Load",
          "jobmanager.job:lastCheckpointSize",
          "jobmanager.job:lastCheckpointDuration",
          MetricsTable.OPERATOR + ".KafkaSourceReader.KafkaConsumer:records-lag-max");

  @Test
  void theReporterShowsWhatIsPublicAndNothingElse() throws IOException {
    Set<String> published = MetricsTable.published();
    assertThat(published).hasSizeGreaterThan(15);
    for (ReporterFilter<Metric> filter : filters()) {
      assertThat(published).allMatch(name -> passes(filter, name));
      Set<String> all = new TreeSet<>(OF_FLINK);
      MetricsTable.read().forEach(row -> all.add(row.scoped()));
      all.removeAll(published);
      assertThat(all).hasSizeGreaterThan(25).noneMatch(name -> passes(filter, name));
    }
  }

  /** A list of what is to stay inside would let this one out. */
  @Test
  void aMetricThatNobodyListedStaysInside() throws IOException {
    for (ReporterFilter<Metric> filter : filters()) {
      assertThat(passes(filter, MetricsTable.OPERATOR + ":cohortSizeOfTheNextVersion")).isFalse();
    }
    Configuration excluding = new Configuration();
    excluding.setString("filter.excludes", "*.private;*:numRecordsIn");
    assertThat(
            passes(
                DefaultReporterFilters.metricsFromConfiguration(excluding),
                MetricsTable.OPERATOR + ":cohortSizeOfTheNextVersion"))
        .isTrue();
  }

  private static boolean passes(ReporterFilter<Metric> filter, String scoped) {
    String[] parts = scoped.split(":");
    return filter.filter(new SimpleCounter(), parts[1], parts[0]);
  }

  private static List<ReporterFilter<Metric>> filters() throws IOException {
    List<ReporterFilter<Metric>> filters = new ArrayList<>();
    for (Configuration flink : List.of(shipped(), kubernetes())) {
      filters.add(
          DefaultReporterFilters.metricsFromConfiguration(
              new DelegatingConfiguration(flink, REPORTER)));
    }
    return filters;
  }

  /** The settings of the shipped cluster. */
  static Configuration shipped() {
    return GlobalConfiguration.loadConfiguration(new File("flink-conf").getAbsolutePath());
  }

  private static Configuration kubernetes() throws IOException {
    ObjectMapper mapper = new ObjectMapper();
    try (var documents =
        new YAMLFactory().createParser(new File("docker/kubernetes/murmuration.yaml"))) {
      JsonNode all = mapper.valueToTree(mapper.readValues(documents, JsonNode.class).readAll());
      JsonNode settings = all.findValue("flinkConfiguration");
      return Configuration.fromMap(
          mapper.convertValue(
              settings,
              mapper.getTypeFactory().constructMapType(Map.class, String.class, String.class)));
    }
  }
}
