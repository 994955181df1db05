package io.murmuration.training;

import java.util.Objects;

/**
 * The model after its last completed round. Immutable by convention: nobody writes into the arrays,
 * every round makes new ones; so a snapshot needs no copy and no lock.
 *
 * @param round the last executed round of the ledger, 0 before the first
 * @param executedRounds how many rounds were executed; at most {@code round}, since a failure voids
 *     rounds that were charged
 * @param parameters flat, in the order of the engine's {@link ParameterLayout}
 * @param optimizer what the optimizer remembers
 * @param layoutDigest {@link ParameterLayout#digest()} of what the parameters are; {@link
 *     #UNKNOWN_LAYOUT} in snapshots of releases that did not write it
 * @param origin where training began
 */
public record TrainerState(
    long round,
    long executedRounds,
    float[] parameters,
    OptimizerState optimizer,
    String layoutDigest,
    TrainingOrigin origin) {

  /**
   * The digest where it is not known of which tensors the parameters are, only how many they are.
   */
  public static final String UNKNOWN_LAYOUT = "";

  public TrainerState {
    Objects.requireNonNull(layoutDigest, "layoutDigest");
    Objects.requireNonNull(origin, "origin");
    if (executedRounds < 0 || executedRounds > round) {
      throw new IllegalArgumentException(
          "executed rounds must be between 0 and the last round, %d, but are %d"
              .formatted(round, executedRounds));
    }
  }

  /**
   * What a release holds: the average of the iterates where the optimizer keeps one, else the
   * parameters.
   */
  public float[] released() {
    double[] average = optimizer.average();
    if (average == null) {
      return parameters;
    }
    float[] released = new float[average.length];
    for (int i = 0; i < released.length; i++) {
      released[i] = (float) average[i];
    }
    return released;
  }
}
