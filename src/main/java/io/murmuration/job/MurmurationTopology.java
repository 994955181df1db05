package io.murmuration.job;

import io.murmuration.config.TrainingConfig;
import io.murmuration.contribution.ArrivalListener;
import io.murmuration.contribution.BoundAndSampleOperator;
import io.murmuration.contribution.CohortRecord;
import io.murmuration.contribution.CohortRecordSerializer;
import io.murmuration.contribution.ContributionBounds;
import io.murmuration.contribution.SamplerIdentity;
import io.murmuration.contribution.UserTurns;
import io.murmuration.event.DeadLetter;
import io.murmuration.event.DecodeInteractionsFunction;
import io.murmuration.event.RawRecord;
import io.murmuration.event.UserEvent;
import io.murmuration.event.UserEventSerializer;
import io.murmuration.privacy.budget.PrivacyBudgetOperator;
import io.murmuration.privacy.mechanism.BudgetSignal;
import io.murmuration.privacy.mechanism.BudgetSignalSerializer;
import io.murmuration.release.RoundRelease;
import io.murmuration.release.RoundReleaseSerializer;
import io.murmuration.training.GradientOperator;
import io.murmuration.training.PartialSum;
import io.murmuration.training.PartialSumSerializer;
import io.murmuration.training.TrainOperator;
import org.apache.flink.api.common.eventtime.WatermarkStrategy;
import org.apache.flink.api.common.typeinfo.Types;
import org.apache.flink.api.connector.sink2.Sink;
import org.apache.flink.api.connector.source.Source;
import org.apache.flink.streaming.api.datastream.DataStream;
import org.apache.flink.streaming.api.datastream.SingleOutputStreamOperator;
import org.apache.flink.streaming.api.environment.StreamExecutionEnvironment;

/**
 * The job graph, from sources to sinks. Explicit partitioners keep operators of the drawing from
 * being chained into one box. The names are those of the drawing in the documentation, so that one
 * look at the web UI explains the system; the uids tie state to operators across releases.
 *
 * @param interactions raw records of the interactions topic
 * @param clock pulses, several per tick; their values do not matter
 * @param decode turns records into events, dead letters at its side
 * @param bounds what keyed state keeps of a user
 * @param budget creates the privacy budget operator
 * @param gradients creates the workers
 * @param workers how many there are, and where
 * @param train creates the train operator
 * @param publish the two-phase sink of releases
 * @param deadLetters where unusable records go
 * @param maxParallelism key groups of keyed state
 * @param privateMetrics whether the sampler reports how many it sampled; train knows for itself
 * @param lifetimes what the counting of users' lifetimes rests on; null where they have none
 * @param turns whose turn a round is where noise is correlated
 */
record MurmurationTopology(
    Source<RawRecord, ?, ?> interactions,
    Source<Long, ?, ?> clock,
    DecodeInteractionsFunction decode,
    ContributionBounds bounds,
    PrivacyBudgetOperator.Factory budget,
    GradientOperator.Factory gradients,
    Workers workers,
    TrainOperator.Factory train,
    Sink<RoundRelease> publish,
    Sink<DeadLetter> deadLetters,
    int maxParallelism,
    boolean privateMetrics,
    SamplerIdentity lifetimes,
    UserTurns turns) {

  /**
   * The workers that take gradients.
   *
   * @param parallelism how many
   * @param slotSharingGroup Flink's
   */
  record Workers(int parallelism, String slotSharingGroup) {}

  /**
   * How long what a round needs may wait for a fuller network buffer, in milliseconds: there are
   * four edges from a grant to its step, of some records each, and Flink's 100 ms on each of them
   * would be most of what a round does beside gradients. Ingest keeps them.
   */
  private static final long AT_ONCE = 0;

  /** The same for samples, of which there may be many at once: a flush each would cost more. */
  private static final long SOON = 5;

  /** Uid of the keyed operator. */
  static final String BOUND_AND_SAMPLE = "bound-and-sample";

  /**
   * Adds the job to an environment.
   *
   * @return what samplers send to workers, for an audit inside the trust boundary
   */
  DataStream<CohortRecord> addTo(StreamExecutionEnvironment env) {
    return addTo(env, ArrivalListener.NONE);
  }

  /** The same under an audit that is told what reaches users' pools. */
  DataStream<CohortRecord> addTo(StreamExecutionEnvironment env, ArrivalListener arrivals) {
    return addTo(
        env, new BoundAndSampleOperator(bounds, lifetimes, turns, privateMetrics, arrivals));
  }

  /** The same with a sampler that an audit chose; everything else calls {@link #addTo} above. */
  DataStream<CohortRecord> addTo(StreamExecutionEnvironment env, BoundAndSampleOperator sampler) {
    SingleOutputStreamOperator<UserEvent> events =
        env.fromSource(interactions, SilentWatermarks.strategy(), "interactions")
            .uid("interactions")
            .process(decode)
            .returns(new UserEventSerializer().typeInfo(UserEvent.class))
            .name("decode")
            .uid("decode");
    events
        .getSideOutput(DecodeInteractionsFunction.DEAD_LETTERS)
        .rebalance()
        .sinkTo(deadLetters)
        .name("dead letters")
        .uid("dead-letters");

    DataStream<BudgetSignal> signals =
        single(
                env.fromSource(clock, WatermarkStrategy.noWatermarks(), "clock", Types.LONG)
                    .uid("clock")
                    .setBufferTimeout(AT_ONCE))
            .global()
            .transform(
                "privacy budget", new BudgetSignalSerializer().typeInfo(BudgetSignal.class), budget)
            .uid("privacy-budget")
            .setBufferTimeout(AT_ONCE)
            .setParallelism(1)
            .setMaxParallelism(1);

    SingleOutputStreamOperator<CohortRecord> samples =
        events
            .keyBy(UserEvent::userId, Types.STRING)
            .connect(signals.broadcast())
            .transform(
                "bound & sample",
                new CohortRecordSerializer().typeInfo(CohortRecord.class),
                sampler)
            .uid(BOUND_AND_SAMPLE)
            .setBufferTimeout(SOON)
            .setMaxParallelism(maxParallelism);

    // not keyed: a worker has no keyed state, and any number of them may follow on a savepoint
    SingleOutputStreamOperator<PartialSum> partials =
        samples
            .partitionCustom(new UserPartitioner(), UserPartitioner::keyOf)
            .connect(signals.broadcast())
            .transform(
                "gradients", new PartialSumSerializer().typeInfo(PartialSum.class), gradients)
            .uid("gradients")
            .setBufferTimeout(AT_ONCE)
            .setParallelism(workers.parallelism())
            .setMaxParallelism(TrainingConfig.MAX_PARALLELISM)
            .slotSharingGroup(workers.slotSharingGroup());

    SingleOutputStreamOperator<RoundRelease> releases =
        single(
            partials
                .global()
                .connect(signals.broadcast())
                .transform(
                    "train", new RoundReleaseSerializer().typeInfo(RoundRelease.class), train)
                .uid("train")
                .setBufferTimeout(AT_ONCE)
                // it needs the model as they do, and shares the weights with the one beside it
                .slotSharingGroup(workers.slotSharingGroup()));

    releases
        .global()
        .sinkTo(publish)
        .name("publish")
        .uid("publish")
        .setParallelism(1)
        .setMaxParallelism(1);
    return samples;
  }

  private static <T> SingleOutputStreamOperator<T> single(SingleOutputStreamOperator<T> stream) {
    return stream.setParallelism(1).setMaxParallelism(1);
  }
}
