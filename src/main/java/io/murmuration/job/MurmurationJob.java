package io.murmuration.job;

import io.murmuration.calibration.CalibrationChoice;
import io.murmuration.calibration.CalibrationSchedule;
import io.murmuration.config.ContributionConfig;
import io.murmuration.config.EventsConfig;
import io.murmuration.config.IoConfig;
import io.murmuration.config.IoOptions.FeedbackKind;
import io.murmuration.config.IoOptions.LedgerKind;
import io.murmuration.config.MurmurationConfig;
import io.murmuration.config.PrivacyConfig;
import io.murmuration.config.TrainingConfig;
import io.murmuration.config.TrainingOptions.ReleasedWeights;
import io.murmuration.contribution.ArrivalListener;
import io.murmuration.contribution.CohortRecord;
import io.murmuration.contribution.ContributionBounds;
import io.murmuration.event.DeadLetter;
import io.murmuration.event.DeadLetterRecordSerializer;
import io.murmuration.event.DecodeInteractionsFunction;
import io.murmuration.event.EventFormat;
import io.murmuration.event.RawRecord;
import io.murmuration.event.RawRecordDeserializationSchema;
import io.murmuration.event.TimeFormat;
import io.murmuration.event.Truncation;
import io.murmuration.event.WriterSchemas;
import io.murmuration.model.TokenTruncation;
import io.murmuration.planning.RoundDuration;
import io.murmuration.planning.StepNoise;
import io.murmuration.privacy.budget.BudgetTerms;
import io.murmuration.privacy.budget.DurabilityTerms;
import io.murmuration.privacy.budget.InMemoryRoundFeedback;
import io.murmuration.privacy.budget.KafkaRoundFeedback;
import io.murmuration.privacy.budget.PhaseSchedule;
import io.murmuration.privacy.budget.PrivacyBudgetOperator;
import io.murmuration.privacy.budget.RoundFeedback;
import io.murmuration.privacy.ledger.FileLedger;
import io.murmuration.privacy.ledger.KafkaEndpoint;
import io.murmuration.privacy.ledger.KafkaLedger;
import io.murmuration.privacy.ledger.LedgerFactory;
import io.murmuration.privacy.mechanism.RoundMechanism;
import io.murmuration.privacy.mechanism.Sampler;
import io.murmuration.registry.RegistryClient;
import io.murmuration.release.PublishSink;
import io.murmuration.rounds.BaseModel;
import io.murmuration.rounds.CalibrationRounds;
import io.murmuration.rounds.ModelGradients;
import io.murmuration.rounds.ModelRoundTrainer;
import io.murmuration.storage.Location;
import io.murmuration.storage.StoredFiles;
import io.murmuration.training.GradientOperator;
import io.murmuration.training.InMemoryParameterStore;
import io.murmuration.training.LearningRateSchedule;
import io.murmuration.training.OptimizerOptions;
import io.murmuration.training.ParameterStore;
import io.murmuration.training.RoundTrainer;
import io.murmuration.training.StoredParameters;
import io.murmuration.training.TrainOperator;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Properties;
import java.util.UUID;
import org.apache.avro.Schema;
import org.apache.flink.api.common.typeinfo.Types;
import org.apache.flink.api.connector.source.util.ratelimit.RateLimiterStrategy;
import org.apache.flink.configuration.CheckpointingOptions;
import org.apache.flink.configuration.Configuration;
import org.apache.flink.configuration.PipelineOptions;
import org.apache.flink.configuration.SinkOptions;
import org.apache.flink.connector.base.DeliveryGuarantee;
import org.apache.flink.connector.datagen.source.DataGeneratorSource;
import org.apache.flink.connector.kafka.sink.KafkaSink;
import org.apache.flink.connector.kafka.source.KafkaSource;
import org.apache.flink.connector.kafka.source.enumerator.initializer.OffsetsInitializer;
import org.apache.flink.streaming.api.datastream.DataStream;
import org.apache.flink.streaming.api.environment.StreamExecutionEnvironment;
import org.apache.kafka.clients.consumer.ConsumerConfig;
import org.apache.kafka.clients.consumer.OffsetResetStrategy;
import org.apache.kafka.common.IsolationLevel;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The job: reads a configuration, binds connectors to the topology, and executes it.
 *
 * <p>{@code flink run murmuration-job.jar --config murmuration.yaml [--set key=value ...]
 * [--raise-budget] [--new-generation N]}
 *
 * <p>Long because every connector and every option of the job is bound here, once.
 */
public final class MurmurationJob {

  private static final Logger LOGGER = LoggerFactory.getLogger(MurmurationJob.class);

  /** Pulses per tick: how finely a round can start after the one before. */
  private static final int PULSES_PER_TICK = 4;

  /**
   * The longest time between pulses: however long ticks are, each begins at most so much later than
   * it could, which its round then lacks.
   */
  private static final Duration SLOWEST_PULSE = Duration.ofMillis(100);

  private MurmurationJob() {}

  /** Entry point of {@code flink run}. */
  public static void main(String[] args) throws Exception {
    execute(MurmurationConfig.of(JobArguments.settings(args)));
  }

  /** Runs the job in the environment that this process has: a cluster's, or a local one. */
  public static void execute(MurmurationConfig config) throws Exception {
    Optional<StepNoise> noise = StepNoiseCheck.of(config);
    noise.filter(StepNoise::isHopeless).ifPresent(hopeless -> LOGGER.warn("{}", hopeless));
    noise.filter(step -> !step.isHopeless()).ifPresent(step -> LOGGER.info("{}", step));
    StreamExecutionEnvironment env = StreamExecutionEnvironment.getExecutionEnvironment();
    addTo(env, config);
    JobSettings.restartsEnd(env.getConfiguration()).ifPresent(LOGGER::warn);
    env.execute("murmuration " + config.privacy().domain());
  }

  /**
   * Checks what can be checked without a cluster and without charging anything: that a schema
   * registry answers, that the model can be loaded and trained on, and that training may start
   * where it is to.
   *
   * @return how long a round takes on machines like this one
   * @throws IOException if the registry does not answer
   * @throws IllegalArgumentException saying what does not fit
   * @throws io.murmuration.training.PublicFaultException if the model fails on public text
   */
  public static RoundDuration check(MurmurationConfig config)
      throws IOException, InterruptedException {
    if (config.events().registry() != null) {
      new RegistryClient(config.events().registry()).check();
    }
    RoundTrainer trainer =
        ModelRoundTrainer.factory(
                config.training(), ConfiguredReleases.of(config).start(), optimizer(config))
            .create(/* restored= */ Optional.empty());
    try {
      return new RoundDuration(
          ((ModelRoundTrainer) trainer).timeOfLongestExample(),
          loads(config),
          config.training().parallelism(),
          config.privacy().roundInterval());
    } finally {
      trainer.close();
    }
  }

  /** What a round has to do; where that is chosen from the stream, whatever may be chosen. */
  static List<RoundDuration.Load> loads(MurmurationConfig config) {
    if (config.calibration() != null) {
      return new CalibrationChoice(ConfiguredPhases.terms(config)).loads();
    }
    RoundMechanism round = ConfiguredMechanism.of(config.privacy());
    return List.of(
        round.sampler() == Sampler.ULS
            ? new RoundDuration.Load("training", round.expectedUnits(), round.groupSize())
            : new RoundDuration.Load(
                "training",
                round.expectedUnits(),
                /* examplesPerUnit= */ 1,
                1 + round.groupSize() * round.probabilityInTurn()));
  }

  /**
   * Adds the job to an environment, with the settings that its guarantee needs.
   *
   * @return what samplers send to workers: texts of users, for an audit inside the trust boundary
   */
  public static DataStream<CohortRecord> addTo(
      StreamExecutionEnvironment env, MurmurationConfig config) {
    return addTo(env, config, ArrivalListener.NONE);
  }

  /** The same under an audit that is told what reaches users' pools. */
  public static DataStream<CohortRecord> addTo(
      StreamExecutionEnvironment env, MurmurationConfig config, ArrivalListener arrivals) {
    PhaseSchedule phases = ConfiguredPhases.of(config);
    Configuration settings = new Configuration();
    settings.set(PipelineOptions.GENERIC_TYPES, false);
    settings.set(CheckpointingOptions.CHECKPOINTING_INTERVAL, config.io().checkpointInterval());
    if (config.io().checkpointDirectory() != null) {
      settings.set(CheckpointingOptions.CHECKPOINTS_DIRECTORY, config.io().checkpointDirectory());
    }
    settings.set(SinkOptions.COMMITTER_RETRIES, PublishSink.COMMIT_RETRIES);
    env.configure(settings);
    JobSettings.check(env.getConfiguration(), config.privacy().horizon().enabled());
    config.io().parallelism().ifPresent(env::setParallelism);
    SlotResources.of(config).forEach(env::registerSlotSharingGroup);
    env.getConfig().setGlobalJobParameters(JobSettings.visible(config, phases));
    return topology(
            config,
            phases,
            JobSettings.mayHaveState(env.getConfiguration()),
            JobSettings.checkpointPause(env.getConfiguration()))
        .addTo(env, arrivals);
  }

  static MurmurationTopology topology(MurmurationConfig config, PhaseSchedule phases) {
    return topology(
        config,
        phases,
        /* mayHaveState= */ false,
        JobSettings.checkpointPause(new Configuration()));
  }

  private static MurmurationTopology topology(
      MurmurationConfig config,
      PhaseSchedule phases,
      boolean mayHaveState,
      Duration checkpointPause) {
    PrivacyConfig privacy = config.privacy();
    IoConfig io = config.io();
    ContributionConfig contribution = config.contribution();
    RoundFeedback feedback = feedback(privacy, io);
    EventFormat format = format(config.events());
    ConfiguredReleases releases = ConfiguredReleases.of(config, mayHaveState);
    Optional<ConfiguredLifetimes> lifetimes = ConfiguredLifetimes.of(config);
    BudgetTerms terms = terms(privacy, phases, lifetimes);
    TrainingConfig training =
        config.training().withModelDigest(releases.context().baseModelDigest());
    ParameterStore.Factory parameters = parameters(privacy, io);
    String submission = UUID.randomUUID().toString();
    return new MurmurationTopology(
        interactions(io, format, lifetimes.isPresent()),
        clock(privacy.roundInterval()),
        new DecodeInteractionsFunction(
            contribution.rules(),
            format,
            truncation(config),
            lifetimes.map(ConfiguredLifetimes::counting).orElse(null)),
        new ContributionBounds(
            contribution.windowTicks(), contribution.examplesPerWindow(), contribution.windows()),
        new PrivacyBudgetOperator.Factory(
            new PrivacyBudgetOperator.Settings(
                terms,
                ledger(privacy, io),
                ConfiguredMechanism::accountant,
                releases.witness(),
                feedback,
                DurabilityTerms.of(privacy.maxUndurableRounds()),
                checkpointPause,
                submission,
                lifetimes.map(ConfiguredLifetimes::input).orElse(null))),
        new GradientOperator.Factory(
            ModelGradients.factory(training),
            parameters,
            training.sampleBufferBytes(),
            training.privateMetrics()),
        new MurmurationTopology.Workers(training.parallelism(), training.slotSharingGroup()),
        new TrainOperator.Factory(
            ModelRoundTrainer.factory(
                training,
                releases.start(),
                optimizer(config),
                phases instanceof CalibrationSchedule calibrated
                    ? new CalibrationRounds(calibrated, ConfiguredPhases.terms(config))
                    : null),
            parameters,
            feedback,
            submission,
            training.privateMetrics()),
        releases.sink(),
        deadLetters(io),
        io.maxParallelism(),
        config.training().privateMetrics(),
        lifetimes.map(ConfiguredLifetimes::identity).orElse(null),
        ConfiguredMechanism.turns(config.privacy()));
  }

  private static BudgetTerms terms(
      PrivacyConfig privacy, PhaseSchedule phases, Optional<ConfiguredLifetimes> lifetimes) {
    BudgetTerms terms =
        new BudgetTerms(
            privacy.domain(),
            privacy.epsilon(),
            privacy.delta(),
            privacy.roundInterval(),
            phases,
            /* raiseBudget= */ false);
    if (lifetimes.isPresent()) {
      return terms.withHorizon(lifetimes.get().terms(privacy.horizon()));
    }
    return privacy.raiseBudget() ? terms.raisingBudget() : terms;
  }

  static GatedSource interactions(IoConfig io, EventFormat format, boolean isCounted) {
    Properties properties = io.clientProperties();
    // what a producer took back was never said
    properties.putIfAbsent(
        ConsumerConfig.ISOLATION_LEVEL_CONFIG, IsolationLevel.READ_COMMITTED.toString());
    String topic = io.topics().interactions();
    String groupId = io.groupId();
    if (!isCounted) {
      OffsetsInitializer committed =
          OffsetsInitializer.committedOffsets(OffsetResetStrategy.EARLIEST);
      return new GatedSource(interactions(topic, groupId, properties, committed), format);
    }
    OffsetsInitializer committed = new ReadableOffsets(/* fromCommitted= */ true);
    OffsetsInitializer readable = new ReadableOffsets(/* fromCommitted= */ false);
    return new GatedSource(
        interactions(topic, groupId, properties, committed),
        interactions(topic, groupId, properties, readable),
        positions -> interactions(topic, groupId, positions.told(properties), committed),
        format);
  }

  private static KafkaSource<RawRecord> interactions(
      String topic, String groupId, Properties properties, OffsetsInitializer beginning) {
    return KafkaSource.<RawRecord>builder()
        .setProperties(properties)
        .setTopics(topic)
        .setGroupId(groupId)
        .setClientIdPrefix(groupId + "-interactions")
        .setStartingOffsets(beginning)
        .setDeserializer(new RawRecordDeserializationSchema())
        .build();
  }

  private static DataGeneratorSource<Long> clock(Duration roundInterval) {
    double perTick = PULSES_PER_TICK * 1000.0 / roundInterval.toMillis();
    double slowest = 1000.0 / SLOWEST_PULSE.toMillis();
    return new DataGeneratorSource<>(
        pulse -> pulse,
        Long.MAX_VALUE,
        RateLimiterStrategy.perSecond(Math.max(slowest, perTick)),
        Types.LONG);
  }

  private static KafkaSink<DeadLetter> deadLetters(IoConfig io) {
    return KafkaSink.<DeadLetter>builder()
        .setKafkaProducerConfig(io.clientProperties("dead-letters"))
        .setRecordSerializer(
            new DeadLetterRecordSerializer(
                io.topics().deadLetters(), DeadLetterRecordSerializer.DEFAULT_MAX_BYTES))
        .setDeliveryGuarantee(DeliveryGuarantee.AT_LEAST_ONCE)
        .build();
  }

  private static LedgerFactory ledger(PrivacyConfig privacy, IoConfig io) {
    if (io.ledgerKind() == LedgerKind.FILE) {
      return FileLedger.factory(
          Path.of(io.ledgerDirectory()).resolve(privacy.domain() + ".ledger"));
    }
    return KafkaLedger.factory(privacy.domain(), endpoint(io, io.topics().ledger(), "ledger"));
  }

  private static RoundFeedback feedback(PrivacyConfig privacy, IoConfig io) {
    return io.feedbackKind() == FeedbackKind.IN_MEMORY
        ? new InMemoryRoundFeedback(privacy.domain())
        : new KafkaRoundFeedback(
            privacy.domain(), endpoint(io, io.topics().feedback(), "feedback"));
  }

  /**
   * Parameters lie beside the feedback: in memory where everything runs in one JVM, else where all
   * look.
   */
  private static ParameterStore.Factory parameters(PrivacyConfig privacy, IoConfig io) {
    String domain = privacy.domain();
    if (io.feedbackKind() == FeedbackKind.IN_MEMORY) {
      return () -> new InMemoryParameterStore(domain);
    }
    Location root = Location.of(io.releasesDirectory());
    return () -> new StoredParameters(StoredFiles.at(root), domain);
  }

  private static Truncation.Factory truncation(MurmurationConfig config) {
    return switch (config.contribution().truncation()) {
      case TOKENS -> {
        TrainingConfig training = config.training();
        yield () ->
            TokenTruncation.factory(BaseModel.tokenizer(training), training.maxTokens()).open();
      }
      case CHARACTERS -> Truncation.none();
    };
  }

  private static EventFormat format(EventsConfig events) {
    return switch (events.format()) {
      case AVRO -> EventFormat.avro(writerSchemas(events.schemaDirectory()));
      case AVRO_REGISTRY ->
          EventFormat.registry(events.registry(), events.paths(), events.timeFormat());
      case JSON ->
          EventFormat.json(
              events.paths(), events.timeFormat() == null ? TimeFormat.ISO : events.timeFormat());
    };
  }

  private static List<Schema> writerSchemas(String directory) {
    try {
      return directory == null
          ? WriterSchemas.builtIn()
          : WriterSchemas.withDirectory(Path.of(directory));
    } catch (IOException e) {
      throw new UncheckedIOException("The schemas in " + directory + " cannot be read", e);
    }
  }

  private static KafkaEndpoint endpoint(IoConfig io, String topic, String purpose) {
    Map<String, String> map = new HashMap<>();
    Properties properties = io.clientProperties(purpose);
    properties.stringPropertyNames().forEach(name -> map.put(name, properties.getProperty(name)));
    return KafkaEndpoint.of(topic, map, io.topics().replicationFactor());
  }

  private static LearningRateSchedule falling(
      MurmurationConfig config, LearningRateSchedule.Decay decay) {
    return new LearningRateSchedule(
        config.training().learningRate(),
        decay,
        /* warmupRounds= */ 0,
        config.privacy().rounds().getAsLong(),
        config.training().learningRateFloor());
  }

  private static OptimizerOptions optimizer(MurmurationConfig config) {
    TrainingConfig training = config.training();
    LearningRateSchedule rate =
        switch (training.schedule()) {
          case AUTO ->
              throw new IllegalStateException("a configuration that was read knows its schedule");
          case CONSTANT -> LearningRateSchedule.constant(training.learningRate());
          case LINEAR -> falling(config, LearningRateSchedule.Decay.LINEAR);
          case COSINE -> falling(config, LearningRateSchedule.Decay.COSINE);
        };
    OptimizerOptions optimizer =
        switch (training.optimizer()) {
          case ADAM -> OptimizerOptions.AdamW.withDefaults(rate);
          case SGD -> new OptimizerOptions.Sgd(rate, /* momentum= */ 0.9);
        };
    return training.releasedWeights() == ReleasedWeights.AVERAGE
        ? new OptimizerOptions.Averaged(optimizer, training.averageDecay())
        : optimizer;
  }
}
