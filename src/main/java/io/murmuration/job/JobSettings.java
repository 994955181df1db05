package io.murmuration.job;

import io.murmuration.config.EventOptions;
import io.murmuration.config.IoOptions;
import io.murmuration.config.MurmurationConfig;
import io.murmuration.privacy.budget.PhaseSchedule;
import io.murmuration.privacy.mechanism.RoundMechanism;
import io.murmuration.release.PublishSink;
import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import org.apache.flink.api.common.ExecutionConfig.GlobalJobParameters;
import org.apache.flink.configuration.CheckpointingOptions;
import org.apache.flink.configuration.PipelineOptions;
import org.apache.flink.configuration.PipelineOptionsInternal;
import org.apache.flink.configuration.ReadableConfig;
import org.apache.flink.configuration.RestartStrategyOptions;
import org.apache.flink.configuration.StateRecoveryOptions;
import org.apache.flink.core.execution.CheckpointingMode;

/** Flink settings that the guarantee rests on, and what the web UI shows of the configuration. */
final class JobSettings {

  private static final List<String> SECRET_WORDS =
      List.of("password", "secret", "jaas", "token", "credential", "key.pem", "keystore.key");

  /** Keeps checkpoints that rounds ask for from following each other without end. */
  private static final Duration LEAST_CHECKPOINT_PAUSE = Duration.ofMillis(500);

  /** What Flink does where checkpoints are taken and nothing else is said. */
  private static final String EXPONENTIAL_DELAY = "exponential-delay";

  private JobSettings() {}

  /**
   * Refuses settings under which the guarantee would not hold.
   *
   * @param lifetimes whether users have lifetimes
   * @throws IllegalArgumentException naming all of them
   */
  static void check(ReadableConfig flink, boolean lifetimes) {
    List<String> faults = new ArrayList<>();
    Duration watermarks = flink.get(PipelineOptions.AUTO_WATERMARK_INTERVAL);
    if (watermarks.isZero() || watermarks.isNegative()) {
      faults.add(
          "%s must be positive but is %s: the interactions could not be declared idle, and no round would ever run"
              .formatted(PipelineOptions.AUTO_WATERMARK_INTERVAL.key(), watermarks));
    }
    if (flink.get(CheckpointingOptions.ENABLE_UNALIGNED)) {
      faults.add(
          "%s must be false: replayed in-flight records could revive a round that is void"
              .formatted(CheckpointingOptions.ENABLE_UNALIGNED.key()));
    }
    if (flink.get(CheckpointingOptions.CHECKPOINTING_CONSISTENCY_MODE)
        != CheckpointingMode.EXACTLY_ONCE) {
      faults.add(
          "%s must be EXACTLY_ONCE: events would be counted twice after a failure"
              .formatted(CheckpointingOptions.CHECKPOINTING_CONSISTENCY_MODE.key()));
    }
    Duration interval = flink.getOptional(CheckpointingOptions.CHECKPOINTING_INTERVAL).orElse(null);
    if (interval == null || interval.isZero() || interval.isNegative()) {
      faults.add(
          "%s must be positive but is %s: no round is charged that no checkpoint would hold, so none would ever run"
              .formatted(CheckpointingOptions.CHECKPOINTING_INTERVAL.key(), interval));
    }
    String storage = flink.getOptional(CheckpointingOptions.CHECKPOINT_STORAGE).orElse("");
    String directory = flink.getOptional(CheckpointingOptions.CHECKPOINTS_DIRECTORY).orElse("");
    boolean onHeap = storage.equalsIgnoreCase("jobmanager");
    boolean byDirectory = storage.isEmpty() || storage.equalsIgnoreCase("filesystem");
    if (onHeap || (byDirectory && directory.isBlank())) {
      faults.add(
          "%s, or the job's option %s, must name a directory%s: without one state goes to the job manager's heap, and is gone with it"
              .formatted(
                  CheckpointingOptions.CHECKPOINTS_DIRECTORY.key(),
                  IoOptions.CHECKPOINT_DIRECTORY.key(),
                  onHeap
                      ? " and %s must not be jobmanager"
                          .formatted(CheckpointingOptions.CHECKPOINT_STORAGE.key())
                      : ""));
    }
    Duration timeout = flink.get(CheckpointingOptions.CHECKPOINTING_TIMEOUT);
    Duration leastTimeout = PublishSink.COMMIT_PATIENCE.multipliedBy(2);
    if (timeout.compareTo(leastTimeout) < 0) {
      faults.add(
          "%s must be at least %d s but is %d s: a model store that is away for a moment holds back checkpoints for up to %d s while its commits are tried again"
              .formatted(
                  CheckpointingOptions.CHECKPOINTING_TIMEOUT.key(),
                  leastTimeout.toSeconds(),
                  timeout.toSeconds(),
                  PublishSink.COMMIT_PATIENCE.toSeconds()));
    }
    if (lifetimes && !flink.get(PipelineOptions.OPERATOR_CHAINING)) {
      faults.add(
          "%s must be true where users have lifetimes: source and decoding would be tasks of their own, whose parallelism can be changed apart (%s, a rescaling, the adaptive scheduler), and records of a partition would overtake each other"
              .formatted(
                  PipelineOptions.OPERATOR_CHAINING.key(),
                  PipelineOptions.PARALLELISM_OVERRIDES.key()));
    }
    if (!faults.isEmpty()) {
      throw new IllegalArgumentException(
          "Flink is configured so that the guarantee does not hold: " + String.join("; ", faults));
    }
  }

  /**
   * What to say where restarts are bounded: the job would be over when what it waits for is back.
   * That costs no privacy, so that it is not refused.
   */
  static Optional<String> restartsEnd(ReadableConfig flink) {
    String type =
        flink
            .getOptional(RestartStrategyOptions.RESTART_STRATEGY)
            .orElse(EXPONENTIAL_DELAY)
            .toLowerCase(Locale.ROOT);
    OptionalInt attempts =
        switch (type) {
          case EXPONENTIAL_DELAY, "exponentialdelay" ->
              OptionalInt.of(
                  flink.get(RestartStrategyOptions.RESTART_STRATEGY_EXPONENTIAL_DELAY_ATTEMPTS));
          case "fixed-delay", "fixeddelay" ->
              OptionalInt.of(
                  flink.get(RestartStrategyOptions.RESTART_STRATEGY_FIXED_DELAY_ATTEMPTS));
          default -> OptionalInt.empty();
        };
    if (attempts.isPresent() && attempts.getAsInt() == Integer.MAX_VALUE) {
      return Optional.empty();
    }
    return Optional.of(
        "%s is %s%s: a broker or a store that is away for longer ends the job. What restarts can spend is bounded anyway; exponential-delay without a limit of attempts lets it go on by itself"
            .formatted(
                RestartStrategyOptions.RESTART_STRATEGY.key(),
                type,
                attempts.isPresent() ? " with %d attempts".formatted(attempts.getAsInt()) : ""));
  }

  /**
   * The least time between two checkpoints that are taken for the sake of rounds that wait for one:
   * what Flink is told to leave between checkpoints, and at least half a second.
   */
  static Duration checkpointPause(ReadableConfig flink) {
    Duration configured = flink.get(CheckpointingOptions.MIN_PAUSE_BETWEEN_CHECKPOINTS);
    return configured.compareTo(LEAST_CHECKPOINT_PAUSE) > 0 ? configured : LEAST_CHECKPOINT_PAUSE;
  }

  /**
   * Whether the job that is being submitted may be restored from state: it is given a savepoint, or
   * this process is itself a job manager that may have taken over from another (application mode
   * with high availability runs {@code main} again).
   */
  static boolean mayHaveState(ReadableConfig flink) {
    return flink.getOptional(StateRecoveryOptions.SAVEPOINT_PATH).isPresent()
        || flink.getOptional(PipelineOptionsInternal.PIPELINE_FIXED_JOB_ID).isPresent();
  }

  /**
   * The effective configuration for the web UI, by the keys of options, secrets masked; and, by the
   * names of its parts, the mechanism that follows from it.
   */
  static GlobalJobParameters visible(MurmurationConfig config, PhaseSchedule phases) {
    Map<String, String> visible = new LinkedHashMap<>();
    config.settings().forEach((key, value) -> visible.put(key, masked(key, value)));
    if (phases instanceof PhaseSchedule.Fixed fixed) {
      RoundMechanism mechanism = fixed.mechanism();
      visible.put("mechanism.sampler", mechanism.sampler().name());
      visible.put(
          "mechanism.sampling-probability", Double.toString(mechanism.samplingProbability()));
      visible.put("mechanism.group-size", Integer.toString(mechanism.groupSize()));
      visible.put("mechanism.noise-multiplier", Double.toString(mechanism.noiseMultiplier()));
      visible.put("mechanism.clip-norm", Double.toString(mechanism.clipNorm()));
      visible.put("mechanism.expected-units", Double.toString(mechanism.expectedUnits()));
    }
    ConfiguredMechanism.horizon(config.privacy())
        .ifPresent(
            horizon -> visible.put("mechanism.horizon-rounds", Long.toString(horizon.rounds())));
    return new Visible(visible);
  }

  private static String masked(String key, String value) {
    String lower = key.toLowerCase(Locale.ROOT);
    boolean secret =
        lower.startsWith(IoOptions.KAFKA_PROPERTIES_PREFIX)
            && SECRET_WORDS.stream().anyMatch(lower::contains);
    return secret || EventOptions.isSecret(key) ? "******" : value;
  }

  private static final class Visible extends GlobalJobParameters {
    private static final long serialVersionUID = 1L;
    private final Map<String, String> settings;

    Visible(Map<String, String> settings) {
      this.settings = new LinkedHashMap<>(settings);
    }

    @Override
    public Map<String, String> toMap() {
      return settings;
    }

    @Override
    public boolean equals(Object other) {
      return other instanceof Visible that && settings.equals(that.settings);
    }

    @Override
    public int hashCode() {
      return settings.hashCode();
    }
  }
}
