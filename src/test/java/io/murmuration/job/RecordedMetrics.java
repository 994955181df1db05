package io.murmuration.job;

import java.util.Map;
import java.util.Properties;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentSkipListSet;
import org.apache.flink.metrics.CharacterFilter;
import org.apache.flink.metrics.LogicalScopeProvider;
import org.apache.flink.metrics.Metric;
import org.apache.flink.metrics.MetricConfig;
import org.apache.flink.metrics.MetricGroup;
import org.apache.flink.metrics.reporter.MetricReporter;
import org.apache.flink.metrics.reporter.MetricReporterFactory;

/**
 * A reporter that keeps the names of all metrics that Flink lets it see, as {@code scope:name};
 * configured under a name with {@code metrics.reporter.NAME.factory.class} and {@code .book}.
 */
public final class RecordedMetrics implements MetricReporter {

  private static final Map<String, Set<String>> BOOKS = new ConcurrentHashMap<>();

  private Set<String> names;

  /** What was seen by reporters with this book. */
  static Set<String> in(String book) {
    return BOOKS.computeIfAbsent(book, name -> new ConcurrentSkipListSet<>());
  }

  @Override
  public void open(MetricConfig config) {
    names = in(config.getString("book", "all"));
  }

  @Override
  public void notifyOfAddedMetric(Metric metric, String name, MetricGroup group) {
    String scope =
        LogicalScopeProvider.castFrom(group).getLogicalScope(CharacterFilter.NO_OP_FILTER, '.');
    names.add(scope + ':' + name);
  }

  @Override
  public void notifyOfRemovedMetric(Metric metric, String name, MetricGroup group) {
    // what was there once might have been seen
  }

  @Override
  public void close() {
    // the books stay open
  }

  /** Is found by Flink's service loader. */
  public static final class Factory implements MetricReporterFactory {
    @Override
    public MetricReporter createMetricReporter(Properties properties) {
      return new RecordedMetrics();
    }
  }
}
