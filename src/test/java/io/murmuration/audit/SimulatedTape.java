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

  /** p or q as it is. */
  double probability() {
    return setting.samplingProbability();
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

  final List<Execution> run() {
    Canaries canaries = setting.canaries();
    List<Execution> tape = new ArrayList<>();
    double clipNorm = 1;
    for (int round = 1; round <= setting.rounds(); round++) {
      double[] noise = noise(round);
      double[] sum = new double[noise.length];
      for (int i = 0; i < sum.length; i++) {
        sum[i] = setting.updateNoise() * noise[i];
      }
      List<Execution.Sampled> sampled = new ArrayList<>();
      double bits = 0;
      for (int canary = 0; canary < canaries.size(); canary++) {
        int units = canaries.isIn(canary) ? units() : 0;
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
