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
 *     first
 * @param budget how the domain's budget is split
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
  "budget"
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
    @JsonProperty(value = "budget", required = true) BudgetSplit budget) {

  /** Name of the outcome's file in a release. */
  public static final String FILE = "calibration.json";

  public CalibrationOutcome {
    required("measured", measured);
    required("bins", bins);
    required("noised", noised);
    required("budget", budget);
  }

  private static void required(String field, Object value) {
    if (value == null) {
      throw new IllegalArgumentException(field + " is required but is missing");
    }
  }

  /**
   * How a domain's budget is split, from its configuration.
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
