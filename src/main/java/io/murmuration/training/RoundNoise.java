package io.murmuration.training;

import io.murmuration.privacy.mechanism.CorrelatedNoise;
import io.murmuration.privacy.mechanism.Grant;
import io.murmuration.privacy.mechanism.RoundMechanism;
import io.murmuration.privacy.noise.BandedToeplitzNoise;
import io.murmuration.privacy.noise.GridNoise;
import io.murmuration.privacy.noise.NoiseFactory;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The noise on the sums of updates, round after round, as their grants say: independent, or
 * correlated with what was added before.
 *
 * <p>What was added before is never part of a snapshot, and an attempt begins with none: noise that
 * two attempts go on from would make a contribution count in more rows than the accountant knows
 * ({@link BandedToeplitzNoise}). It is forgotten, too, where epoch, phase or mechanism are others
 * (the clip norm aside, in whose units it is), and where a round does not follow the one that was
 * completed last: a charge whose outcome was unknown voids its round without a new epoch.
 *
 * <p>Used by one thread.
 */
final class RoundNoise {

  private static final Logger LOG = LoggerFactory.getLogger(RoundNoise.class);

  private final NoiseFactory white;
  private final int size;

  /** What one memory of noise is for. */
  private record Stretch(long epoch, int phase, RoundMechanism mechanism) {

    static Stretch of(Grant grant) {
      return new Stretch(
          grant.epoch(), grant.phase(), grant.mechanism().withClipNorm(/* newClipNorm= */ 1));
    }
  }

  private Stretch stretch;

  /** Null where noise is independent. */
  private BandedToeplitzNoise correlated;

  /**
   * Noise that remembers nothing.
   *
   * @param white asked anew for every round
   * @param size how many elements a sum has
   */
  RoundNoise(NoiseFactory white, int size) {
    this.white = white;
    this.size = size;
  }

  /**
   * Adds a round's noise. Later noise goes on from it only once the round is {@link #completed}.
   *
   * @param sums in grid units; modified in place
   */
  void addTo(long[] sums, Grant grant) {
    GridNoise fresh = white.create();
    CorrelatedNoise noise = grant.mechanism().correlatedNoise();
    if (noise == null) {
      forget();
      fresh.addTo(sums);
      return;
    }
    Stretch granted = Stretch.of(grant);
    if (!granted.equals(stretch)) {
      forget();
      LOG.info(
          "Noise is correlated over {} rounds from round {} on, for which {} MiB are kept",
          noise.bands(),
          grant.round(),
          CorrelatedNoise.memoryBytes(noise.bands(), size) >> 20);
      correlated = noise.over(size);
      stretch = granted;
    }
    correlated.addTo(sums, grant.round(), fresh);
  }

  /** The round that noise was added to last is executed. */
  void completed(Grant grant) {
    if (correlated != null) {
      correlated.completed(grant.round());
    }
  }

  /** Begins anew at the next round. */
  void forget() {
    stretch = null;
    correlated = null;
  }
}
