package io.murmuration.privacy.budget;

import static org.assertj.core.api.Assertions.assertThat;

import io.murmuration.privacy.budget.BudgetSimulation.Bug;
import io.murmuration.privacy.budget.BudgetSimulation.Happening;
import java.util.EnumMap;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

class BudgetSimulationTest {

  private static final int SEEDS = 10_000;
  private static final int SEEDS_TO_CATCH_A_BUG = 500;

  @Test
  void invariantsHoldInEveryLife() throws Exception {
    Map<Happening, Integer> total = new EnumMap<>(Happening.class);
    for (long seed = 0; seed < SEEDS; seed++) {
      live(seed, Bug.NONE).forEach((happening, n) -> total.merge(happening, n, Integer::sum));
    }
    // Guards against lives in which nothing happens, where every invariant holds.
    assertThat(total.keySet()).containsExactlyInAnyOrder(Happening.values());
    assertThat(total.values()).allMatch(n -> n > SEEDS / 20, "happened often");
  }

  @ParameterizedTest
  @EnumSource(mode = EnumSource.Mode.EXCLUDE, names = "NONE")
  void plantedBugsAreCaught(Bug bug) throws Exception {
    boolean caught = false;
    for (long seed = 0; seed < SEEDS_TO_CATCH_A_BUG && !caught; seed++) {
      try (BudgetSimulation simulation = new BudgetSimulation(seed, bug)) {
        simulation.run();
      } catch (AssertionError e) {
        caught = true;
      }
    }
    assertThat(caught).as("caught within %d seeds", SEEDS_TO_CATCH_A_BUG).isTrue();
  }

  private static Map<Happening, Integer> live(long seed, Bug bug) throws Exception {
    try (BudgetSimulation simulation = new BudgetSimulation(seed, bug)) {
      return simulation.run();
    } catch (AssertionError e) {
      throw new AssertionError("seed " + seed + ": " + e.getMessage(), e);
    }
  }
}
