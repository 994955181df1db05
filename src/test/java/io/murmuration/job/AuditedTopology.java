package io.murmuration.job;

import io.murmuration.config.MurmurationConfig;
import io.murmuration.contribution.BoundAndSampleOperator;
import io.murmuration.contribution.ContributionBounds;
import io.murmuration.event.RawRecord;
import io.murmuration.privacy.budget.InMemoryRoundFeedback;
import io.murmuration.training.GradientOperator;
import io.murmuration.training.GradientSource;
import io.murmuration.training.InMemoryParameterStore;
import io.murmuration.training.ParameterStore;
import io.murmuration.training.RoundTrainer;
import io.murmuration.training.TrainOperator;
import java.nio.file.Path;
import java.util.Map;
import java.util.function.Function;
import org.apache.flink.api.connector.source.Source;
import org.apache.flink.streaming.api.environment.StreamExecutionEnvironment;
import org.apache.flink.streaming.api.functions.sink.v2.DiscardingSink;

/** The job's own topology with an audit at its ends: its events, its clock, its gradient engine. */
public final class AuditedTopology {

  private AuditedTopology() {}

  /**
   * Adds the job to an environment.
   *
   * @param config of a domain with feedback in memory
   * @param gradients what workers take gradients with
   * @param workers how many there are
   * @param sampler the sampler for the configured bounds
   */
  public static void addTo(
      StreamExecutionEnvironment env,
      MurmurationConfig config,
      Source<RawRecord, ?, ?> events,
      Source<Long, ?, ?> clock,
      GradientSource.Factory gradients,
      int workers,
      RoundTrainer.Factory trainer,
      Function<ContributionBounds, BoundAndSampleOperator> sampler) {
    String domain = config.privacy().domain();
    ParameterStore.Factory parameters = () -> new InMemoryParameterStore(domain);
    MurmurationTopology job = MurmurationJob.topology(config, ConfiguredPhases.of(config));
    new MurmurationTopology(
            events,
            clock,
            job.decode(),
            job.bounds(),
            job.budget(),
            new GradientOperator.Factory(
                gradients,
                parameters,
                config.training().sampleBufferBytes(),
                /* privateMetrics= */ false),
            new MurmurationTopology.Workers(workers, config.training().slotSharingGroup()),
            new TrainOperator.Factory(
                trainer,
                parameters,
                new InMemoryRoundFeedback(domain),
                job.budget().submission(),
                /* privateMetrics= */ false),
            new DiscardingSink<>(),
            new DiscardingSink<>(),
            job.maxParallelism(),
            /* privateMetrics= */ false,
            /* lifetimes= */ null,
            job.turns())
        .addTo(env, sampler.apply(job.bounds()));
  }

  /** Settings of a small job whose files lie in a directory. */
  public static Map<String, String> settings(Path directory) {
    return JobConfigs.in(directory).settings();
  }
}
