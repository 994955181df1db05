package io.murmuration.release;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import io.murmuration.job.Savepoints;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Queue;
import java.util.concurrent.ConcurrentLinkedQueue;
import org.apache.flink.api.common.eventtime.WatermarkStrategy;
import org.apache.flink.api.connector.sink2.Sink;
import org.apache.flink.api.connector.sink2.SinkWriter;
import org.apache.flink.api.connector.sink2.WriterInitContext;
import org.apache.flink.api.connector.source.util.ratelimit.RateLimiterStrategy;
import org.apache.flink.configuration.Configuration;
import org.apache.flink.configuration.PipelineOptions;
import org.apache.flink.connector.datagen.source.DataGeneratorSource;
import org.apache.flink.core.execution.JobClient;
import org.apache.flink.streaming.api.environment.StreamExecutionEnvironment;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The sink in a job: every operator in place, no generic types. */
class PublishSinkITCase {

  private static final Queue<Announcement> ANNOUNCED = new ConcurrentLinkedQueue<>();

  @TempDir private Path root;

  /** Collects in this JVM. */
  private static final class CollectingSink implements Sink<Announcement> {

    private static final long serialVersionUID = 1L;

    @Override
    public SinkWriter<Announcement> createWriter(WriterInitContext context) {
      return new SinkWriter<>() {
        @Override
        public void write(Announcement announcement, Context element) {
          ANNOUNCED.add(announcement);
        }

        @Override
        public void flush(boolean endOfInput) {}

        @Override
        public void close() {}
      };
    }
  }

  @Test
  void stoppingWithASavepointPublishesAndAnnouncesEveryRelease(@TempDir Path savepoints)
      throws Exception {
    Configuration configuration = new Configuration();
    configuration.set(PipelineOptions.GENERIC_TYPES, false);
    StreamExecutionEnvironment env =
        StreamExecutionEnvironment.createLocalEnvironment(1, configuration);
    env.enableCheckpointing(200);
    env.fromSource(
            new DataGeneratorSource<>(
                index -> ReleaseFixtures.release(index + 1, index),
                Long.MAX_VALUE,
                RateLimiterStrategy.perSecond(20),
                new RoundReleaseSerializer().typeInfo(RoundRelease.class)),
            WatermarkStrategy.noWatermarks(),
            "rounds")
        .sinkTo(
            new PublishSink(
                DirectoryModelStore.at(root.toString()),
                ReleaseFixtures.context(),
                new CollectingSink()))
        .name("publish")
        .uid("publish");

    JobClient job = env.executeAsync();
    await().atMost(Duration.ofMinutes(1)).until(() -> ANNOUNCED.size() >= 3);
    Savepoints.stop(job, savepoints);

    ModelStore store = DirectoryModelStore.reading(root);
    assertThat(ANNOUNCED)
        .extracting(announcement -> ReleaseFiles.nameOf(announcement.round()))
        .containsExactlyElementsOf(store.published());
    for (Announcement announcement : ANNOUNCED) {
      assertThat(announcement.json())
          .contains(Digests.ofRelease(store.read(ReleaseFiles.nameOf(announcement.round()))));
    }
    assertThat(root.resolve(".staging")).isEmptyDirectory();
  }
}
