package io.murmuration.release;

import io.murmuration.privacy.mechanism.Grant;

/**
 * The noisy model after one executed round, or what a calibration found, on its way from the
 * trainer to the publisher.
 *
 * @param grant the leave it was trained under; the manifest copies from it
 * @param weights what was trained, as the bytes of the release's weights file; of a calibration
 *     those of {@link CalibrationOutcome#FILE}
 */
public record RoundRelease(Grant grant, byte[] weights) {}
