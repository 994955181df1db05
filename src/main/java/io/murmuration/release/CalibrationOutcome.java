package io.murmuration.release;

import com.fasterxml.jackson.annotation.JsonInclude;
import com.fasterxml.jackson.annotation.JsonProperty;
import com.fasterxml.jackson.annotation.JsonPropertyOrder;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.json.JsonMapper;
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
    @JsonProperty("measured") String measured,
    @JsonProperty("bins") List<Double> bins,
    @JsonProperty("candidates") List<Integer> candidates,
    @JsonProperty("noised") List<List<Double>> noised,
    @JsonProperty("noise_deviation") double noiseDeviation,
    @JsonProperty("median_count") Integer medianCount,
    @JsonProperty("typical_norms") List<Double> typicalNorms,
    @JsonProperty("chosen") ReleaseManifest.Mechanism chosen,
    @JsonProperty("budget") BudgetSplit budget) {

  /** Name of the outcome's file in a release. */
  public static final String FILE = "calibration.json";

  private static final JsonMapper JSON =
      JsonMapper.builder().enable(DeserializationFeature.FAIL_ON_UNKNOWN_PROPERTIES).build();

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
      @JsonProperty("measurement_epsilon") double measurementEpsilon,
      @JsonProperty("measurement_delta") double measurementDelta,
      @JsonProperty("attempts") int attempts,
      @JsonProperty("measurements") int measurements,
      @JsonProperty("training_epsilon") double trainingEpsilon,
      @JsonProperty("training_delta") double trainingDelta,
      @JsonProperty("training_phases") int trainingPhases) {

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

  /** What training will do. */
  public static ReleaseManifest.Mechanism chosen(RoundMechanism mechanism) {
    return ReleaseManifest.Mechanism.of(mechanism);
  }

  /**
   * Reads an outcome.
   *
   * @throws IOException if it is none
   */
  public static CalibrationOutcome read(byte[] json) throws IOException {
    return JSON.readValue(json, CalibrationOutcome.class);
  }

  /** The file's bytes, UTF-8. */
  public byte[] write() {
    return PrettyJson.text(this).getBytes(StandardCharsets.UTF_8);
  }
}
