package io.murmuration.audit;

import java.util.List;

/**
 * One execution of a granted round, also of one that a restore voided later: each was charged.
 *
 * @param epoch the attempt that executed it
 * @param round its number in the ledger
 * @param tick its public time
 * @param clipNorm C as granted
 * @param sampled whose samples came, in order of arrival
 * @param noisySum what the optimizer saw, before the division, in units of C
 * @param nextClipNorm what the round chose as the next C
 */
record Execution(
    long epoch,
    long round,
    long tick,
    double clipNorm,
    List<Sampled> sampled,
    double[] noisySum,
    double nextClipNorm) {

  /** The same, but that the optimizer saw something else. */
  Execution withNoisySum(double[] other) {
    return new Execution(epoch, round, tick, clipNorm, sampled, other, nextClipNorm);
  }

  /** One user's sample. */
  record Sampled(int canary, int examples) {}
}
