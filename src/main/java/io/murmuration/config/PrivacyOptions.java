package io.murmuration.config;

import io.murmuration.privacy.mechanism.Sampler;
import java.time.Duration;
import java.util.List;
import org.apache.flink.configuration.ConfigOption;
import org.apache.flink.configuration.ConfigOptions;

/**
 * What the guarantee is made of. All of it is public, and fixed before data is looked at: nothing
 * here may be chosen by counting users.
 */
public final class PrivacyOptions {

  public static final ConfigOption<String> DOMAIN =
      ConfigOptions.key("privacy.domain")
          .stringType()
          .noDefaultValue()
          .withDescription(
              "Name of the privacy domain: the population whose budget the ledger keeps. Letters,"
                  + " digits, dot, dash and underscore.");

  public static final ConfigOption<Double> EPSILON =
      ConfigOptions.key("privacy.epsilon")
          .doubleType()
          .noDefaultValue()
          .withDescription(
              "The domain's budget: training halts before the cumulative user-level ε would pass"
                  + " it. With horizon.enabled that of each user: training goes on, and nobody takes"
                  + " part in more rounds than it affords.");

  public static final ConfigOption<Double> DELTA =
      ConfigOptions.key("privacy.delta")
          .doubleType()
          .noDefaultValue()
          .withDescription(
              "The δ of the guarantee, well below one over the population, as a public constant.");

  public static final ConfigOption<Sampler> SAMPLER =
      ConfigOptions.key("privacy.sampler")
          .enumType(Sampler.class)
          .defaultValue(Sampler.ULS)
          .withDescription("ULS samples users, ELS samples examples.");

  public static final ConfigOption<Double> SAMPLING_PROBABILITY =
      ConfigOptions.key("privacy.sampling-probability")
          .doubleType()
          .noDefaultValue()
          .withDescription(
              "Probability q (ULS: of a user, ELS: of an example) to take part in a round.");

  public static final ConfigOption<Integer> GROUP_SIZE =
      ConfigOptions.key("privacy.group-size")
          .intType()
          .defaultValue(1)
          .withDescription(
              "Contribution bound G. ULS: most examples of a sampled user in a round. ELS: most"
                  + " examples of a user in the pool.");

  public static final ConfigOption<Double> CLIP_NORM =
      ConfigOptions.key("privacy.clip-norm")
          .doubleType()
          .defaultValue(1.0)
          .withDescription("C: the L2 bound of one unit's update.");

  public static final ConfigOption<Double> EXPECTED_UNITS =
      ConfigOptions.key("privacy.expected-units")
          .doubleType()
          .noDefaultValue()
          .withDescription(
              "What the noisy sum is divided by: the public expected cohort M (ULS) or expected"
                  + " batch B (ELS). Never a count of the data.");

  public static final ConfigOption<Double> CLIPPING_QUANTILE =
      ConfigOptions.key("privacy.adaptive-clipping.quantile")
          .doubleType()
          .noDefaultValue()
          .withDescription(
              "Share of units that should not be clipped; the clip norm then follows it from"
                  + " privacy.clip-norm on, and the noised share is accounted for together with the"
                  + " update. Without it the clip norm stays.");

  public static final ConfigOption<Double> CLIPPING_RATE =
      ConfigOptions.key("privacy.adaptive-clipping.rate")
          .doubleType()
          .defaultValue(0.2)
          .withDescription(
              "How fast an adaptive clip norm moves: C·exp(−rate·(share − quantile)).");

  public static final ConfigOption<Double> CLIPPING_BIT_NOISE_SHARE =
      ConfigOptions.key("privacy.adaptive-clipping.bit-noise-share")
          .doubleType()
          .defaultValue(0.05)
          .withDescription(
              "Standard deviation of the noise on the number of unclipped units, as a share of the"
                  + " expected units; at least the noise multiplier.");

  public static final ConfigOption<Long> ROUNDS =
      ConfigOptions.key("privacy.rounds")
          .longType()
          .noDefaultValue()
          .withDescription(
              "Rounds to plan for. Training halts after them; without it, when the budget is"
                  + " spent. With horizon.enabled the rounds of one user that the noise is calibrated"
                  + " to, and training never halts.");

  public static final ConfigOption<Double> NOISE_MULTIPLIER =
      ConfigOptions.key("privacy.noise-multiplier")
          .doubleType()
          .noDefaultValue()
          .withDescription(
              "σ: standard deviation of the noise in units of the clip norm. Without it, the"
                  + " smallest that affords privacy.rounds rounds.");

  public static final ConfigOption<Integer> NOISE_BANDS =
      ConfigOptions.key("privacy.noise-bands")
          .intType()
          .defaultValue(1)
          .withDescription(
              "Over how many rounds noise is correlated, so that later rounds take back a part of what"
                  + " earlier ones added; 1 for independent noise. Users take turns: each is drawn in"
                  + " every so many-th round only, and there so many times as likely. plan says which"
                  + " number leaves the least noise. The trainer keeps so many less one times 8 bytes a"
                  + " parameter.");

  public static final ConfigOption<Duration> ROUND_INTERVAL =
      ConfigOptions.key("privacy.round-interval")
          .durationType()
          .defaultValue(Duration.ofMinutes(10))
          .withDescription("Length of a tick of public time; at most one round a tick.");

  public static final ConfigOption<Integer> MAX_UNDURABLE_ROUNDS =
      ConfigOptions.key("privacy.max-undurable-rounds")
          .intType()
          .defaultValue(2)
          .withDescription(
              "No round is charged while so many granted rounds are in no completed checkpoint, the"
                  + " one in flight included: the most that one failure can lose. Public.");

  public static final ConfigOption<Boolean> RAISE_BUDGET =
      ConfigOptions.key("privacy.raise-budget")
          .booleanType()
          .defaultValue(false)
          .withDescription(
              "Whether a budget above the one in the ledger is a deliberate raise. It is recorded"
                  + " there; without this such a start is refused.");

  /** What a calibration chooses from the stream, so that it must not be given. */
  static final List<ConfigOption<?>> CHOSEN_BY_CALIBRATION =
      List.of(SAMPLING_PROBABILITY, GROUP_SIZE, EXPECTED_UNITS, NOISE_MULTIPLIER);

  private PrivacyOptions() {}
}
