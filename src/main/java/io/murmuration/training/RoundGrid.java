package io.murmuration.training;

import io.murmuration.privacy.mechanism.AdaptiveClipping;
import io.murmuration.privacy.mechanism.RoundMechanism;
import io.murmuration.privacy.noise.NoiseGrid;
import java.util.Optional;

/**
 * Says on which public grids a round's sums are taken and noised, and how far one privacy unit may
 * move them: a function of the grant's mechanism alone, so that whoever adds, noises or publishes
 * has the same. The deviation of the noise that is added is the deviation that this names, and no
 * other place computes one.
 *
 * @param clipNorm C: what a unit's update is clipped to
 * @param sum the grid of the update, or of a calibration's histograms
 * @param bits the grid of adaptive clipping's Σ(b − ½); null where the clip norm stays. Update and
 *     bits of one unit together stay within the grant's noise multiplier, see {@link
 *     AdaptiveClipping}
 */
public record RoundGrid(double clipNorm, NoiseGrid sum, NoiseGrid bits) {

  /** What one unit's bit, b − ½, is at most away from 0. */
  private static final double BIT_SENSITIVITY = 0.5;

  /**
   * The grids of a round.
   *
   * @throws IllegalArgumentException if the mechanism leaves none, naming its noise
   */
  public static RoundGrid of(RoundMechanism mechanism) {
    Optional<AdaptiveClipping> adaptive = mechanism.adaptiveClipping();
    double noiseMultiplier = mechanism.noiseMultiplier();
    double clipNorm = mechanism.clipNorm();
    double sensitivity = mechanism.query().sensitivity(clipNorm);
    if (adaptive.isEmpty()) {
      return new RoundGrid(clipNorm, NoiseGrid.of(noiseMultiplier, sensitivity), /* bits= */ null);
    }
    NoiseGrid bits = NoiseGrid.of(adaptive.get().bitNoise() / BIT_SENSITIVITY, BIT_SENSITIVITY);
    return new RoundGrid(
        clipNorm,
        NoiseGrid.beside(
            bits,
            noiseMultiplier,
            adaptive.get().updateNoiseMultiplier(noiseMultiplier),
            sensitivity),
        bits);
  }
}
