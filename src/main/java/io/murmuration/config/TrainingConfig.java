package io.murmuration.config;

import io.murmuration.config.TrainingOptions.OptimizerKind;
import io.murmuration.config.TrainingOptions.ParametersKind;
import io.murmuration.config.TrainingOptions.ReleasedWeights;
import io.murmuration.config.TrainingOptions.ScheduleKind;
import io.murmuration.model.LoraConfig;
import java.io.Serializable;
import java.util.List;
import java.util.Map;
import org.apache.flink.configuration.Configuration;

/**
 * What is trained and how; nothing here enters the accounting.
 *
 * @param model directory of the base model, a path or a URI
 * @param modelDigest SHA-256 of its weights where that is known, see {@link #withModelDigest};
 *     otherwise null
 * @param parameters what of it is trained
 * @param startFrom directory, a path or a URI, of a release or adapter where training begins; null:
 *     at fresh factors, or at the base model
 * @param startIsPublic whether the deployer declares that start public
 * @param loraRank r ≥ 1
 * @param loraAlpha &gt; 0
 * @param loraTargets names of linear layers, or the single word "all-linear"
 * @param loraMode which factors are trained
 * @param maxTokens ≥ 2
 * @param optimizer which optimizer
 * @param learningRate the highest, &gt; 0
 * @param schedule how the learning rate moves; never AUTO
 * @param learningRateFloor where a falling rate ends, as a fraction of the highest, in [0, 1]
 * @param releasedWeights which weights a release holds; never AUTO
 * @param averageDecay what an average keeps of itself from round to round, in (0, 1)
 * @param microBatchBytes off-heap bytes for activations
 * @param parallelism of the workers that take gradients, in [1, {@link #MAX_PARALLELISM}]
 * @param slotSharingGroup of the workers
 * @param sampleBufferBytes of a round's text on a worker's heap
 * @param threads of the tensor library, ≥ 1
 * @param privateMetrics whether exact functions of private data become metrics
 */
public record TrainingConfig(
    String model,
    String modelDigest,
    ParametersKind parameters,
    String startFrom,
    boolean startIsPublic,
    int loraRank,
    double loraAlpha,
    List<String> loraTargets,
    LoraConfig.Mode loraMode,
    int maxTokens,
    OptimizerKind optimizer,
    double learningRate,
    ScheduleKind schedule,
    double learningRateFloor,
    ReleasedWeights releasedWeights,
    double averageDecay,
    long microBatchBytes,
    int parallelism,
    String slotSharingGroup,
    long sampleBufferBytes,
    int threads,
    boolean privateMetrics)
    implements Serializable {

  /** The most workers that there may ever be: Flink keeps it with the savepoint. */
  public static final int MAX_PARALLELISM = 1 << 10;

  public TrainingConfig {
    loraTargets = List.copyOf(loraTargets);
  }

  /**
   * Reads this part alone; what else the settings say is not looked at.
   *
   * @throws InvalidConfigurationException listing every fault of this part
   */
  public static TrainingConfig of(Map<String, String> settings) {
    Faults faults = new Faults(Configuration.fromMap(settings));
    TrainingConfig config = read(faults);
    faults.throwIfAny();
    return config;
  }

  /** The same on the very model that was there when the job was submitted. */
  public TrainingConfig withModelDigest(String digest) {
    return new TrainingConfig(
        model,
        digest,
        parameters,
        startFrom,
        startIsPublic,
        loraRank,
        loraAlpha,
        loraTargets,
        loraMode,
        maxTokens,
        optimizer,
        learningRate,
        schedule,
        learningRateFloor,
        releasedWeights,
        averageDecay,
        microBatchBytes,
        parallelism,
        slotSharingGroup,
        sampleBufferBytes,
        threads,
        privateMetrics);
  }

  /** The adapters that are trained where {@link #parameters} is LORA. */
  public LoraConfig lora() {
    return new LoraConfig(loraRank, loraAlpha, loraTargets, loraMode);
  }

  static TrainingConfig read(Faults faults) {
    faults.startPart();
    String model = faults.required(TrainingOptions.MODEL);
    ParametersKind parameters = faults.required(TrainingOptions.PARAMETERS);
    String startFrom = faults.optional(TrainingOptions.START_FROM);
    Boolean startIsPublic = faults.required(TrainingOptions.START_IS_PUBLIC);
    if (Boolean.TRUE.equals(startIsPublic) && startFrom == null) {
      faults.add(
          TrainingOptions.START_IS_PUBLIC,
          "says something of " + TrainingOptions.START_FROM.key() + ", which is not given");
    }
    Integer rank = faults.atLeast(TrainingOptions.LORA_RANK, 1);
    double alpha = faults.positive(TrainingOptions.LORA_ALPHA);
    List<String> targets = faults.required(TrainingOptions.LORA_TARGETS);
    LoraConfig.Mode mode = faults.required(TrainingOptions.LORA_MODE);
    Integer maxTokens = faults.atLeast(TrainingOptions.MAX_TOKENS, 2);
    OptimizerKind optimizer = faults.required(TrainingOptions.OPTIMIZER);
    // where users have lifetimes, the rounds of one are no end of training
    boolean ends =
        faults.optional(PrivacyOptions.ROUNDS) != null && !HorizonConfig.isEnabled(faults);
    ScheduleKind schedule = schedule(faults, ends);
    Double givenRate = faults.optionalPositive(TrainingOptions.LEARNING_RATE);
    double learningRate =
        givenRate == null
            ? defaultLearningRate(parameters, schedule, faults.optional(PrivacyOptions.ROUNDS))
            : givenRate;
    double floor = faults.fraction(TrainingOptions.LEARNING_RATE_FLOOR);
    ReleasedWeights released = releasedWeights(faults, schedule);
    double averageDecay = faults.strictFraction(TrainingOptions.AVERAGE_DECAY);
    var memory = faults.required(TrainingOptions.MICRO_BATCH_MEMORY);
    Integer parallelism = faults.atLeast(TrainingOptions.PARALLELISM, 1);
    if (parallelism != null && parallelism > MAX_PARALLELISM) {
      faults.add(
          TrainingOptions.PARALLELISM,
          "must be at most %d but is %d".formatted(MAX_PARALLELISM, parallelism));
    }
    String slotSharingGroup = faults.required(TrainingOptions.SLOT_SHARING_GROUP);
    var sampleBuffer = faults.required(TrainingOptions.SAMPLE_BUFFER);
    Integer threads = faults.atLeast(TrainingOptions.THREADS, 1);
    Boolean privateMetrics = faults.required(TrainingOptions.PRIVATE_METRICS);
    return faults.build(
        () ->
            new TrainingConfig(
                model,
                /* modelDigest= */ null,
                parameters,
                startFrom,
                startIsPublic,
                rank,
                alpha,
                targets,
                mode,
                maxTokens,
                optimizer,
                learningRate,
                schedule,
                floor,
                released,
                averageDecay,
                memory.getBytes(),
                parallelism,
                slotSharingGroup,
                sampleBuffer.getBytes(),
                threads,
                privateMetrics));
  }

  private static ScheduleKind schedule(Faults faults, boolean ends) {
    ScheduleKind schedule = faults.required(TrainingOptions.SCHEDULE);
    if (schedule == ScheduleKind.AUTO) {
      return ends ? ScheduleKind.COSINE : ScheduleKind.CONSTANT;
    }
    if (schedule != null && schedule != ScheduleKind.CONSTANT && !ends) {
      faults.add(
          TrainingOptions.SCHEDULE,
          HorizonConfig.isEnabled(faults)
              ? "must be CONSTANT where %s is true but is %s: training has no end to fall to"
                  .formatted(HorizonOptions.ENABLED.key(), schedule)
              : "is " + schedule + ", which needs " + PrivacyOptions.ROUNDS.key());
    }
    return schedule;
  }

  /**
   * What was best on a public chat log under noise; docs/utility.md has the measurements. Where all
   * parameters are trained and the rate falls, it is 0.45 over the rounds: the same distance to go
   * in 75 rounds (0.006) as in 150 (0.003); other numbers were not tried, and nothing outside is
   * derived from them.
   */
  private static double defaultLearningRate(
      ParametersKind parameters, ScheduleKind schedule, Long rounds) {
    boolean constant = schedule == ScheduleKind.CONSTANT;
    if (parameters != ParametersKind.ALL) {
      return constant ? 0.006 : 0.012;
    }
    return constant || rounds == null
        ? 0.0015
        : Math.min(0.006, Math.max(0.003, 0.45 / Math.max(1, rounds)));
  }

  private static ReleasedWeights releasedWeights(Faults faults, ScheduleKind schedule) {
    ReleasedWeights released = faults.required(TrainingOptions.RELEASED_WEIGHTS);
    if (released != ReleasedWeights.AUTO) {
      return released;
    }
    return schedule == ScheduleKind.CONSTANT ? ReleasedWeights.AVERAGE : ReleasedWeights.LAST;
  }
}
