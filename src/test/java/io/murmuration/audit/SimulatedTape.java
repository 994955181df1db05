package io.murmuration.audit;

import java.util.ArrayList;
import java.util.List;
import java.util.SplittableRandom;

/**
 * Tapes as the mathematics of the mechanism has them, without a pipeline, so that the battery's own
 * rates can be counted; with room for faults.
 */
class SimulatedTape {

  private final AuditSetting setting;
  private final SplittableRandom random;

  SimulatedTape(AuditSetting setting, long seed) {
    this.setting = setting;
    this.random = new SplittableRandom(seed);
  }

  /** One round's noise on all coordinates, in units of its deviation. */
  double[] noise(int round) {
    double[] noise = new double[setting.canaries().coordinates()];
    for (int i = 0; i < noise.length; i++) {
      noise[i] = random.nextGaussian();
    }
    return noise;
  }

  /** One round's noise on the unclipped bits, in units of its deviation. */
  double bitNoise(double[] noise) {
    return random.nextGaussian();
  }

  /** What one sampled canary adds to its coordinate. */
  double contribution(int canary, int units) {
    return units * (setting.canaries().isLoud(canary) ? 1 : Canaries.QUIET_NORM);
  }

  /** p or q as it is in a round of a user's turn. */
  double probability() {
    return setting.probabilityInTurn();
  }

  /** How many units of a user are in a round. */
  private int units() {
    int most = setting.isUserLevel() ? 1 : setting.groupSize();
    int units = 0;
    for (int i = 0; i < most; i++) {
      units += random.nextDouble() < probability() ? 1 : 0;
    }
    return units;
  }

  /** C⁻¹ times the noise, of which the latest round comes first. */
  private double[] correlated(double[] noise, List<double[]> added) {
    double[] next = noise.clone();
    for (int lag = 1; lag < setting.bands() && lag <= added.size(); lag++) {
      for (int i = 0; i < next.length; i++) {
        next[i] -= setting.coefficient(lag) * added.get(lag - 1)[i];
      }
    }
    for (int i = 0; i < next.length; i++) {
      next[i] /= setting.coefficient(0);
    }
    return next;
  }

  final List<Execution> run() {
    Canaries canaries = setting.canaries();
    List<Execution> tape = new ArrayList<>();
    List<double[]> added = new ArrayList<>();
    double clipNorm = 1;
    for (int round = 1; round <= setting.rounds(); round++) {
      double[] noise = noise(round);
      added.add(0, correlated(noise, added));
      double[] sum = new double[noise.length];
      for (int i = 0; i < sum.length; i++) {
        sum[i] = setting.updateNoise() * added.get(0)[i];
      }
      List<Execution.Sampled> sampled = new ArrayList<>();
      double bits = 0;
      for (int canary = 0; canary < canaries.size(); canary++) {
        boolean mayBeIn = canaries.isIn(canary) && setting.turnOf(canary) == setting.turnIn(round);
        int units = mayBeIn ? units() : 0;
        if (units > 0) {
          sampled.add(
              new Execution.Sampled(canary, setting.isUserLevel() ? setting.groupSize() : units));
          sum[canary] += contribution(canary, units);
          bits += units * (canaries.isLoud(canary) ? -0.5 : 0.5);
        }
      }
      double next =
          setting
              .clipping()
              .next(
                  clipNorm,
                  bits + setting.clipping().bitNoise() * bitNoise(noise),
                  setting.expectedUnits());
      tape.add(new Execution(/* epoch= */ 1, round, round, clipNorm, sampled, sum, next));
      clipNorm = next;
    }
    return tape;
  }
}
