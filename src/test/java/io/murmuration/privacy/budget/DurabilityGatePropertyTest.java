package io.murmuration.privacy.budget;

import static org.assertj.core.api.Assertions.assertThat;

import io.murmuration.privacy.budget.DurabilityGate.Verdict;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.constraints.IntRange;

/**
 * The gate against a model of what checkpoints hold: whatever happens in whatever order, what a
 * failure would lose stays within the terms, and what the gate calls durable is.
 */
class DurabilityGatePropertyTest {

  /** What a checkpoint holds: the last round executed before its barrier, by its own count. */
  private final Map<Long, Long> held = new HashMap<>();

  @Property(tries = 2_000, seed = "20")
  void aFailureNeverLosesMoreThanTheTermsAllow(
      @ForAll long seed, @ForAll @IntRange(min = 1, max = 4) int most) {
    SplittableRandom random = new SplittableRandom(seed);
    DurabilityGate gate =
        new DurabilityGate(new DurabilityTerms(most, Duration.ZERO, 1), /* restoredRound= */ 0);
    List<Long> granted = new ArrayList<>();
    List<Long> underWay = new ArrayList<>();
    long executed = 0;
    long durable = -1; // no checkpoint of the epoch is complete
    long inFlight = 0;
    long checkpoint = 0;
    long number = 0;
    boolean started = false;
    for (int event = 0; event < 300; event++) {
      switch (random.nextInt(7)) {
        case 0 -> {
          if (!started) {
            gate.epochStarted(0, 0);
            started = true;
          }
        }
        case 1, 2 -> {
          if (inFlight == 0 && gate.verdict(0) == Verdict.OPEN) {
            assertThat(durable).as("a completed checkpoint").isNotNegative();
            number += 1 + random.nextInt(2); // some charges have no known outcome
            gate.granted(number);
            granted.add(number);
            inFlight = number;
          }
        }
        case 3 -> {
          if (inFlight != 0) {
            executed = inFlight;
            inFlight = 0;
            gate.acknowledged(executed);
          }
        }
        case 4 -> {
          gate.barrier(++checkpoint);
          // one whose barrier came before the epoch's start proves nothing
          held.put(checkpoint, started ? executed : -1);
          underWay.add(checkpoint);
        }
        case 5 -> {
          if (!underWay.isEmpty()) {
            long completed = underWay.remove(random.nextInt(underWay.size()));
            gate.completed(completed);
            durable = Math.max(durable, held.get(completed));
          }
        }
        default -> {
          if (!underWay.isEmpty() && random.nextInt(3) == 0) {
            gate.aborted(underWay.remove(random.nextInt(underWay.size())));
          }
        }
      }
      long truth = durable;
      long lost = granted.stream().filter(round -> round > truth).count();
      assertThat(lost).as("rounds that a failure would lose").isLessThanOrEqualTo(most);
      assertThat(gate.durableRound())
          .as("called durable")
          .isLessThanOrEqualTo(Math.max(0, durable));
      if (!gate.wantsCheckpoint(0) && gate.verdict(0) == Verdict.DURABILITY) {
        assertThat(inFlight).as("the gate is shut for a round that is executing").isNotZero();
      }
    }
    held.clear();
  }
}
