package io.murmuration.training;

import java.util.Arrays;
import java.util.Objects;

/**
 * Says where training began, and what it rests on that no round changes. Part of the trainer's
 * state, so that a restore needs neither the release nor the adapter that training once began at.
 *
 * @param sentence for {@code PRIVACY.md}; empty in states of releases that did not write it
 * @param frozen the values of what belongs to a release but is not trained, flat: the A of each
 *     layer where only B is; empty if everything is trained. Nobody writes into it
 */
public record TrainingOrigin(String sentence, float[] frozen) {

  /** The origin in states that earlier releases wrote. */
  public static final TrainingOrigin UNKNOWN = new TrainingOrigin("", new float[0]);

  public TrainingOrigin {
    Objects.requireNonNull(sentence, "sentence");
    Objects.requireNonNull(frozen, "frozen");
  }

  /** Whether the state says where training began. */
  public boolean isKnown() {
    return !sentence.isEmpty();
  }

  /** Compares values, unlike a record of arrays. */
  @Override
  public boolean equals(Object other) {
    return other instanceof TrainingOrigin that
        && sentence.equals(that.sentence)
        && Arrays.equals(frozen, that.frozen);
  }

  @Override
  public int hashCode() {
    return 31 * sentence.hashCode() + Arrays.hashCode(frozen);
  }
}
