package io.murmuration.cli;

import com.fasterxml.jackson.dataformat.yaml.YAMLGenerator;
import com.fasterxml.jackson.dataformat.yaml.YAMLMapper;
import io.murmuration.config.ContributionOptions;
import io.murmuration.config.HorizonOptions;
import io.murmuration.config.MurmurationConfig;
import io.murmuration.config.PrivacyOptions;
import io.murmuration.planning.BoundPrediction;
import io.murmuration.planning.PlanningTerms;
import io.murmuration.privacy.accounting.PrivacyLoss;
import io.murmuration.privacy.mechanism.RoundMechanism;
import io.murmuration.privacy.mechanism.Sampler;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.TreeMap;
import org.apache.flink.configuration.ConfigOption;
import org.apache.flink.configuration.Configuration;

/** A planned bound as options of {@code run}. */
final class PlanSettings {

  /** A pool may hold so much less than the bound, to be spread over windows. */
  private static final double FULL_ENOUGH = 0.9;

  private PlanSettings() {}

  /**
   * Other settings with the plan's in place of theirs.
   *
   * <p>The pool follows the bound. Under ELS g·K must not exceed G: K becomes the largest number of
   * windows, up to the one given, that leaves at least nine tenths of G. Under ULS the pool must
   * hold at least G examples to draw from: g grows where it does not.
   *
   * @param bound with the noise that its bands need
   * @param bands over how many rounds noise is correlated; 1 for independent noise
   * @param given not modified
   * @return a configuration that {@link MurmurationConfig#of} accepts
   * @throws io.murmuration.config.InvalidConfigurationException listing what is missing or wrong
   */
  static Map<String, String> of(
      PlanningTerms terms, BoundPrediction bound, int bands, Map<String, String> given) {
    Map<String, String> settings = new TreeMap<>(given);
    set(settings, PrivacyOptions.NOISE_BANDS, bands);
    set(settings, PrivacyOptions.EPSILON, terms.epsilon());
    set(settings, PrivacyOptions.DELTA, terms.delta());
    set(settings, PrivacyOptions.ROUNDS, terms.rounds());
    return with(bound, settings);
  }

  /**
   * The same where the budget is each user's: how many rounds of one it affords follows from the
   * noise, so that none are named.
   *
   * @param budget of all generations together
   */
  static Map<String, String> ofLifetimes(
      PrivacyLoss budget, int generations, BoundPrediction bound, Map<String, String> given) {
    Map<String, String> settings = new TreeMap<>(given);
    settings.remove(PrivacyOptions.ROUNDS.key());
    set(settings, PrivacyOptions.EPSILON, budget.epsilon());
    set(settings, PrivacyOptions.DELTA, budget.delta());
    set(settings, HorizonOptions.ENABLED, true);
    set(settings, HorizonOptions.GENERATIONS, generations);
    return with(bound, settings);
  }

  private static Map<String, String> with(BoundPrediction bound, Map<String, String> settings) {
    RoundMechanism round = bound.mechanism();
    set(settings, PrivacyOptions.SAMPLER, round.sampler());
    set(settings, PrivacyOptions.SAMPLING_PROBABILITY, round.samplingProbability());
    set(settings, PrivacyOptions.GROUP_SIZE, round.groupSize());
    set(settings, PrivacyOptions.NOISE_MULTIPLIER, round.noiseMultiplier());
    set(settings, PrivacyOptions.CLIP_NORM, round.clipNorm());
    set(settings, PrivacyOptions.EXPECTED_UNITS, round.expectedUnits());
    Configuration before = Configuration.fromMap(settings);
    int windows = before.get(ContributionOptions.WINDOWS);
    int perWindow = before.get(ContributionOptions.EXAMPLES_PER_WINDOW);
    if (round.sampler() == Sampler.ELS) {
      windows = windowsWithin(round.groupSize(), windows);
      perWindow = round.groupSize() / windows;
    } else {
      perWindow = Math.max(perWindow, (round.groupSize() + windows - 1) / windows);
    }
    set(settings, ContributionOptions.WINDOWS, windows);
    set(settings, ContributionOptions.EXAMPLES_PER_WINDOW, perWindow);
    MurmurationConfig.of(settings);
    return settings;
  }

  private static int windowsWithin(int groupSize, int atMost) {
    int windows = Math.min(groupSize, Math.max(1, atMost));
    while (groupSize / windows * windows < FULL_ENOUGH * groupSize) {
      windows--;
    }
    return windows;
  }

  private static void set(Map<String, String> settings, ConfigOption<?> option, Object value) {
    settings.put(option.key(), String.valueOf(value));
  }

  /** Writes settings as YAML that {@code run --config} reads, below a comment. */
  static void write(Path file, Map<String, String> settings, String comment) throws IOException {
    StringBuilder text = new StringBuilder();
    comment.lines().forEach(line -> text.append("# ").append(line).append('\n'));
    text.append(
        new YAMLMapper()
            .disable(YAMLGenerator.Feature.WRITE_DOC_START_MARKER)
            .enable(YAMLGenerator.Feature.MINIMIZE_QUOTES)
            .writeValueAsString(settings));
    Files.writeString(file, text);
  }
}
