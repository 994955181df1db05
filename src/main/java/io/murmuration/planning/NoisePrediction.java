package io.murmuration.planning;

import io.murmuration.privacy.accounting.MixtureOfGaussians;
import io.murmuration.privacy.accounting.NoiseCalibration;
import io.murmuration.privacy.accounting.PldAccountant;
import io.murmuration.privacy.mechanism.RoundMechanism;
import io.murmuration.privacy.mechanism.Sampler;
import java.util.Optional;

/**
 * Predicts the noise of a bound before anything is trained (Charles et al., arXiv 2407.07737).
 *
 * <p><b>What is compared.</b> A round's update is (Σ clip_C(v) + σ·C·Z) / M with Z ~ N(0, I). Its
 * noise has standard deviation s = σ·C/M on each coordinate. All bounds run at the same compute B
 * gradients a round, the same T rounds and the same (ε, δ), so s is what the bound decides.
 *
 * <p><b>ULS.</b> A sampled user costs up to G gradients, so compute B affords an expected cohort of
 * M = B/G, which in a population of n is sampled with probability q = M/n = B/(G·n). The accountant
 * gives σ(G) = σ(q, T, ε, δ), which does not depend on G otherwise. The unit is the mean over G
 * examples, of norm C(G). Hence
 *
 * <pre>s(G) = σ(B/(G·n), T, ε, δ) · C(G) · G / B.</pre>
 *
 * A larger G lowers q and so σ, and lowers C(G) where a user's examples are diverse; but it divides
 * by a smaller cohort. Where σ ∝ q, which is the regime of large q, the first and the last cancel
 * and C(G) decides; for small q σ no longer falls and G = 1 is best.
 *
 * <p><b>ELS.</b> A user's pool keeps min(c, G) of the user's c examples, so the pools hold n·k(G)
 * examples, k(G) = E min(c, G), and compute B samples each of them with probability p = B/(n·k(G)).
 * The mixture-of-Gaussians accountant gives σ(p, G, T, ε, δ). The unit is one example, of norm
 * C(1), and there are B of them. Hence
 *
 * <pre>s(G) = σ_MoG(B/(n·k(G)), G, T, ε, δ) · C(1) / B.</pre>
 *
 * At fixed B a larger G means more spread in how many of a user's examples meet in a round, and a
 * pool that is less full for most users, so the noise alone would say G = 1. What it leaves out is
 * the data that a small bound throws away; therefore the rule for ELS is the median count and not a
 * minimiser.
 *
 * <p><b>What it leaves out otherwise.</b> n and k(G) are plans. If the real population differs, the
 * cohort differs and the guarantee does not: q, p, σ and the divisor stay what they are. And noise
 * alone does not determine utility.
 *
 * <table>
 * <caption>Edge cases</caption>
 * <tr><td>q or p above 1</td><td>infeasible: the population has too few users or examples for so
 *     much compute at this bound; empty</td></tr>
 * <tr><td>q or p equal to 1</td><td>everybody takes part; feasible</td></tr>
 * <tr><td>G above {@link MixtureOfGaussians#MAX_GROUP_SIZE}</td><td>ELS: infeasible; empty</td></tr>
 * <tr><td>no σ up to 10⁶ is enough</td><td>IllegalArgumentException of the accountant</td></tr>
 * </table>
 *
 * <p>Stateless and thread-safe.
 */
public final class NoisePrediction {

  private final NoiseCalibration calibration;

  /** Predicts by this accountant. */
  public NoisePrediction(PldAccountant accountant) {
    this.calibration = new NoiseCalibration(accountant);
  }

  /** ULS at this bound, or empty if q would be above 1. */
  public Optional<BoundPrediction> userLevel(PlanningTerms terms, int groupSize, NormModel norms) {
    double cohort = terms.compute() / requireGroupSize(groupSize);
    double q = cohort / terms.population();
    if (q > 1) {
      return Optional.empty();
    }
    double sigma =
        calibration.noiseMultiplier(
            Sampler.ULS.accounted(q, groupSize, /* noiseMultiplier= */ 1),
            terms.rounds(),
            terms.epsilon(),
            terms.delta());
    return Optional.of(
        BoundPrediction.of(
            new RoundMechanism(Sampler.ULS, q, groupSize, sigma, norms.norm(groupSize), cohort)));
  }

  /**
   * ELS at this bound, or empty if p would be above 1.
   *
   * @param poolMean k(G) = E min(c, G), in (0, G]: examples that a user keeps on average
   * @param exampleNorm C(1): a typical norm of the gradient of one example
   */
  public Optional<BoundPrediction> exampleLevel(
      PlanningTerms terms, int groupSize, double poolMean, double exampleNorm) {
    requireGroupSize(groupSize);
    if (!(poolMean > 0 && poolMean <= groupSize)) {
      throw new IllegalArgumentException(
          "the mean pool must be in (0, G = %d] but is %s".formatted(groupSize, poolMean));
    }
    double p = terms.compute() / (terms.population() * poolMean);
    if (p > 1 || groupSize > MixtureOfGaussians.MAX_GROUP_SIZE) {
      return Optional.empty();
    }
    double sigma =
        calibration.noiseMultiplier(
            Sampler.ELS.accounted(p, groupSize, /* noiseMultiplier= */ 1),
            terms.rounds(),
            terms.epsilon(),
            terms.delta());
    return Optional.of(
        BoundPrediction.of(
            new RoundMechanism(Sampler.ELS, p, groupSize, sigma, exampleNorm, terms.compute())));
  }

  private static int requireGroupSize(int groupSize) {
    if (groupSize < 1) {
      throw new IllegalArgumentException("group size must be at least 1 but is " + groupSize);
    }
    return groupSize;
  }
}
