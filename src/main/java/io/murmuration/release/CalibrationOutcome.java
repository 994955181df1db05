package io.murmuration.release;

import com.fasterxml.jackson.annotation.JsonInclude;
import com.fasterxml.jackson.annotation.JsonProperty;
import com.fasterxml.jackson.annotation.JsonPropertyOrder;
import com.fasterxml.jackson.databind.JsonNode;
import io.murmuration.privacy.mechanism.RoundMechanism;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.List;

/**
 * What a calibration found: {@code calibration.json}. Every number is noised, or a function of
 * noised and public ones.
 *
 * @param measured {@code counts} or {@code norms}
 * @param bins what the bins stand for: largest count of each, or the norm at each centre
 * @param candidates group sizes at which norms were measured; null for counts
 * @param noised the noised histograms, one for counts or one a candidate
 * @param noiseDeviation standard deviation of the noise on every bin
 * @param medianCount chosen from counts; null for norms
 * @param typicalNorms C(G) at each candidate; null for counts
 * @param chosen the mechanism of the training that follows; null where another calibration comes
 *     first, or the ledger alone knows the noise
 * @param budget how the domain's budget is split where phases reserve for themselves; else null
 * @param joint what is reserved for all phases together; else null. Both are null where a raise
 *     lies between the reservation and this configuration, and the ledger alone knows it
 */
@JsonInclude(JsonInclude.Include.NON_NULL)
@JsonPropertyOrder({
  "measured",
  "bins",
  "candidates",
  "noised",
  "noise_deviation",
  "median_count",
  "typical_norms",
  "chosen",
  "budget",
  "joint"
})
public record CalibrationOutcome(
    @JsonProperty(value = "measured", required = true) String measured,
    @JsonProperty(value = "bins", required = true) List<Double> bins,
    @JsonProperty("candidates") List<Integer> candidates,
    @JsonProperty(value = "noised", required = true) List<List<Double>> noised,
    @JsonProperty(value = "noise_deviation", required = true) double noiseDeviation,
    @JsonProperty("median_count") Integer medianCount,
    @JsonProperty("typical_norms") List<Double> typicalNorms,
    @JsonProperty("chosen") RoundMechanism chosen,
    @JsonProperty("budget") BudgetSplit budget,
    @JsonProperty("joint") JointBudget joint) {

  /** Name of the outcome's file in a release. */
  public static final String FILE = "calibration.json";

  public CalibrationOutcome {
    required("measured", measured);
    required("bins", bins);
    required("noised", noised);
    if ((budget == null) == (joint == null)) {
      throw new IllegalArgumentException(
          "one of budget and joint is required but "
              + (budget == null ? "both are missing" : "both are given"));
    }
  }

  private static void required(String field, Object value) {
    if (value == null) {
      throw new IllegalArgumentException(field + " is required but is missing");
    }
  }

  /** What is reserved, in a sentence for {@code PRIVACY.md}. */
  public String reserved() {
    return joint == null ? budget.sentence() : joint.sentence();
  }

  /**
   * What is reserved for all phases of a domain together, from its configuration.
   *
   * @param epsilon ε of all of them; null where a raise lies between the reservation and this
   *     configuration, so that the ledger alone knows it
   * @param delta δ of all of them; null like ε
   * @param measurements how many there are at most in the domain's life
   * @param retries how many of them may be repeated
   * @param trainingPhases how many there are at most
   * @param trainingRounds the most rounds of each
   * @param trainingOptions among how many mechanisms each is chosen
   */
  @JsonInclude(JsonInclude.Include.NON_NULL)
  @JsonPropertyOrder({
    "epsilon",
    "delta",
    "measurements",
    "retries",
    "training_phases",
    "training_rounds",
    "training_options"
  })
  public record JointBudget(
      @JsonProperty("epsilon") Double epsilon,
      @JsonProperty("delta") Double delta,
      @JsonProperty(value = "measurements", required = true) int measurements,
      @JsonProperty(value = "retries", required = true) int retries,
      @JsonProperty(value = "training_phases", required = true) int trainingPhases,
      @JsonProperty(value = "training_rounds", required = true) long trainingRounds,
      @JsonProperty(value = "training_options", required = true) int trainingOptions) {

    /** What is reserved in a sentence, for {@code PRIVACY.md}. */
    public String sentence() {
      return ("%s is reserved in advance for all of them together:"
              + " measurements: %d, and %d repeated after failures; phases of training: %d, of at"
              + " most %d rounds each, chosen among %d public mechanisms. They compose jointly.")
          .formatted(
              epsilon == null || delta == null
                  ? "What the ledger says"
                  : "The budget (ε, δ) = (%s, %s)".formatted(epsilon, delta),
              measurements,
              retries,
              trainingPhases,
              trainingRounds,
              trainingOptions);
    }
  }

  /**
   * How a domain's budget is split where each phase reserves for itself, from its configuration.
   *
   * @param measurementEpsilon ε that each measurement reserves, all its attempts together
   * @param measurementDelta δ of that
   * @param attempts how often a measurement may be tried
   * @param measurements how many there are at most in the domain's life
   * @param trainingEpsilon ε that each phase of training reserves
   * @param trainingDelta δ of that
   * @param trainingPhases how many there are at most
   */
  @JsonPropertyOrder({
    "measurement_epsilon",
    "measurement_delta",
    "attempts",
    "measurements",
    "training_epsilon",
    "training_delta",
    "training_phases"
  })
  public record BudgetSplit(
      @JsonProperty(value = "measurement_epsilon", required = true) double measurementEpsilon,
      @JsonProperty(value = "measurement_delta", required = true) double measurementDelta,
      @JsonProperty(value = "attempts", required = true) int attempts,
      @JsonProperty(value = "measurements", required = true) int measurements,
      @JsonProperty(value = "training_epsilon", required = true) double trainingEpsilon,
      @JsonProperty(value = "training_delta", required = true) double trainingDelta,
      @JsonProperty(value = "training_phases", required = true) int trainingPhases) {

    /** The split in a sentence, for {@code PRIVACY.md}. */
    public String sentence() {
      return ("The budget is split in advance: %d calibrations reserve (ε, δ) = (%s, %s) each, of"
              + " which each may be tried %d times, and %d phases of training (%s, %s) each;"
              + " they add up.")
          .formatted(
              measurements,
              measurementEpsilon,
              measurementDelta,
              attempts,
              trainingPhases,
              trainingEpsilon,
              trainingDelta);
    }
  }

  /**
   * Reads an outcome.
   *
   * @throws IOException if it is none
   */
  public static CalibrationOutcome read(byte[] json) throws IOException {
    return of(ReleaseJson.object(json));
  }

  /** An outcome inside a manifest. */
  static CalibrationOutcome of(JsonNode json) throws IOException {
    return ReleaseJson.partial(json, CalibrationOutcome.class);
  }

  /** The file's bytes, UTF-8. */
  public byte[] write() {
    return PrettyJson.text(ReleaseJson.tree(this)).getBytes(StandardCharsets.UTF_8);
  }
}
