package io.murmuration.release;

import io.murmuration.privacy.mechanism.Grant;
import java.util.Objects;

/**
 * The noisy model after one executed round, or what a calibration found, on its way from the
 * trainer to the publisher.
 *
 * @param grant the permission it was trained under; the manifest copies from it
 * @param weights what was trained, as the bytes of the release's weights file; of a calibration
 *     those of {@link CalibrationOutcome#FILE}
 * @param startingPoint where training began, as a sentence for {@code PRIVACY.md}: what the model's
 *     state says, whatever the job is configured with since; empty if it says nothing
 */
public record RoundRelease(Grant grant, byte[] weights, String startingPoint) {

  public RoundRelease {
    Objects.requireNonNull(startingPoint, "startingPoint");
  }

  /** A release that says nothing of where training began. */
  public RoundRelease(Grant grant, byte[] weights) {
    this(grant, weights, /* startingPoint= */ "");
  }
}
