package io.murmuration.planning;

/**
 * What a deployer fixes before any bound is chosen. All of it is public: none of it may be a count
 * of the data that is trained on.
 *
 * @param population n ≥ 1: users to plan for, a public constant
 * @param compute B &gt; 0: expected gradients of single examples a round, whatever the bound
 * @param rounds T in [1, 10⁹]
 * @param epsilon ε &gt; 0 of the whole training phase
 * @param delta δ in (0, 1) of the whole training phase
 */
public record PlanningTerms(
    long population, double compute, long rounds, double epsilon, double delta) {

  /** The most rounds that are planned for. */
  static final long MAX_ROUNDS = 1_000_000_000L;

  public PlanningTerms {
    require(population >= 1, "population must be at least 1", population);
    require(positive(compute), "compute must be positive and finite", compute);
    require(rounds >= 1 && rounds <= MAX_ROUNDS, "rounds must be in [1, 1000000000]", rounds);
    require(positive(epsilon), "epsilon must be positive and finite", epsilon);
    require(delta > 0 && delta < 1, "delta must be in (0, 1)", delta);
  }

  private static boolean positive(double value) {
    return value > 0 && value < Double.POSITIVE_INFINITY;
  }

  private static void require(boolean holds, String rule, Number given) {
    if (!holds) {
      throw new IllegalArgumentException(rule + " but is " + given);
    }
  }
}
