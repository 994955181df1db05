package io.murmuration.simulation;

import static io.murmuration.simulation.Audit.require;

import io.murmuration.privacy.mechanism.CorrelatedNoise;
import io.murmuration.privacy.mechanism.Grant;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * What users' contributions are to the rounds that were executed, by any attempt: computed from the
 * noise that trainers really added, of which it knows neither the rule nor the memory.
 *
 * <p>The noise of a round is (z′ − Σ k_j·x)/k₀, rounded, for some x of earlier rounds. Which ones
 * they were is found by trying all of them: a wrong one fits by chance with a probability of about
 * 10⁻³⁰. They make the round's row of the matrix that all contributions are multiplied by. Then
 *
 * <ul>
 *   <li>no two rounds of a user, of whatever attempt, have a row in common, and a user's rounds are
 *       as far apart as turns are,
 *   <li>the squares of each column add up to one at most,
 *   <li>no mixture of sums is left without noise below the unit.
 * </ul>
 */
final class ContributionColumns {

  private static final int FRACTION_BITS = CorrelatedNoise.FRACTION_BITS;
  private static final long ONE = 1L << 2 * FRACTION_BITS;

  /** A round that was executed, and who was in it. */
  private record Executed(Grant grant, long[] added, Set<String> users) {}

  private final List<Executed> executed = new ArrayList<>();
  private final Map<Executed, Long> squares = new HashMap<>();

  /**
   * A round was executed.
   *
   * @param fine z′, in units of 2⁻¹⁶
   * @param added to its sum
   * @param users of whom something is in its sum
   */
  void executed(Grant grant, long[] fine, long[] added, Set<String> users) {
    Executed round = new Executed(grant, added, users);
    CorrelatedNoise noise = grant.mechanism().correlatedNoise();
    Map<Executed, Integer> row = new HashMap<>();
    if (noise == null) {
      require(Arrays.equals(fine, shifted(added)), "noise is not that of its draws", grant);
      row.put(round, 1 << FRACTION_BITS);
    } else {
      require(
          Arrays.stream(fine).anyMatch(z -> z % (1 << FRACTION_BITS) != 0),
          "a mixture of sums has no noise below the unit",
          grant);
      requireTurns(round, noise.bands());
      List<Integer> numerators = noise.numerators();
      row.put(round, numerators.get(0));
      require(
          find(numerators, fine, added, 1, new long[fine.length], row),
          "noise is not that of its draws",
          grant);
    }
    executed.add(round);
    requireColumns(row);
  }

  private static long[] shifted(long[] values) {
    return Arrays.stream(values).map(value -> value << FRACTION_BITS).toArray();
  }

  private void requireTurns(Executed round, int bands) {
    for (Executed earlier : executed) {
      if (earlier.grant().phase() == round.grant().phase()) {
        long apart = Math.abs(round.grant().roundInPhase() - earlier.grant().roundInPhase());
        Set<String> both = new HashSet<>(round.users());
        both.retainAll(earlier.users());
        require(
            apart >= bands || both.isEmpty(),
            "rounds of a user are closer than turns are",
            round.grant());
      }
    }
  }

  /** Tries all that may stand at a lag, nothing included, and completes the row. */
  private boolean find(
      List<Integer> numerators,
      long[] fine,
      long[] added,
      int lag,
      long[] taken,
      Map<Executed, Integer> row) {
    int first = numerators.get(0);
    if (lag == numerators.size()) {
      for (int i = 0; i < fine.length; i++) {
        if (Math.abs(fine[i] - taken[i] - first * added[i]) > first / 2 + 1) {
          return false;
        }
      }
      return true;
    }
    if (find(numerators, fine, added, lag + 1, taken, row)) {
      return true;
    }
    int numerator = numerators.get(lag);
    // the latest first: it is there that a right one stands
    for (int e = executed.size() - 1; e >= 0; e--) {
      Executed earlier = executed.get(e);
      long[] with = new long[taken.length];
      Arrays.setAll(with, i -> taken[i] + numerator * earlier.added()[i]);
      if (find(numerators, fine, added, lag + 1, with, row)) {
        row.merge(earlier, numerator, Integer::sum);
        return true;
      }
    }
    return false;
  }

  private void requireColumns(Map<Executed, Integer> row) {
    Set<String> users = new HashSet<>();
    row.forEach(
        (round, coefficient) -> {
          for (String user : round.users()) {
            require(users.add(user), "rounds of a user are not orthogonal", round.grant());
          }
          long sum = squares.merge(round, (long) coefficient * coefficient, Long::sum);
          require(
              sum <= ONE || round.users().isEmpty(),
              "a contribution is larger than its bound",
              round.grant());
        });
  }
}
