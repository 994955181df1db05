package io.murmuration.privacy.accounting;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import java.util.ArrayList;
import java.util.List;
import java.util.SplittableRandom;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class JointCompositionTest {

  private static final double DELTA = 1e-6;

  private final PldAccountant accountant = new PldAccountant();

  private static JointComposition jointly(JointComposition.Part... parts) {
    return new JointComposition(List.of(parts));
  }

  private static JointComposition.Part times(long times, Composition... options) {
    return new JointComposition.Part(new Choice(List.of(options)), times);
  }

  private static Composition once(Mechanism mechanism) {
    return Composition.of(mechanism, 1);
  }

  @ParameterizedTest
  @CsvSource({"600, 1", "300, 2", "60, 10", "6, 100"})
  void withoutAlternatives_itIsTheCompositionOfAllRounds(long rounds, long times) {
    Mechanism mechanism = Mechanism.uls(0.02, 1);
    double whole = accountant.epsilon(mechanism, 600, DELTA);

    assertThat(accountant.epsilon(jointly(times(times, Composition.of(mechanism, rounds))), DELTA))
        .isBetween(whole * (1 - 1e-4), whole * (1 + 6e-4));
  }

  @Test
  void exampleLevelSamplingAndSeveralMechanisms_areComposedToo() {
    Composition both =
        Composition.of(Mechanism.els(0.01, 4, 2), 300)
            .and(Composition.of(Mechanism.gaussian(3), 5));
    double whole = accountant.epsilon(both, DELTA);

    assertThat(
            accountant.epsilon(
                jointly(
                    times(3, Composition.of(Mechanism.els(0.01, 4, 2), 100)),
                    times(5, once(Mechanism.gaussian(3)))),
                DELTA))
        .isBetween(whole * (1 - 1e-4), whole * (1 + 6e-4));
  }

  @Test
  void noSplit_isCheaperThanBasicComposition() {
    Composition phase = Composition.of(Mechanism.uls(0.05, 1.5), 100);
    double basic = 4 * accountant.epsilon(phase, DELTA / 4);

    assertThat(accountant.epsilon(jointly(times(4, phase)), DELTA)).isLessThan(0.6 * basic);
  }

  /**
   * Who chooses the second mechanism by what the first released gets, for each loss L of the first,
   * the largest profile that an option has: δ(ε) = E max_o H_o(exp(ε − L)), here by quadrature and
   * the closed form of one round's H. The joint ε must not be below, nor much above.
   */
  @Test
  void whoeverChoosesByWhatWasReleased_gainsNothing() {
    SplittableRandom random = new SplittableRandom(7);
    for (int i = 0; i < 12; i++) {
      Mechanism first = mechanism(random);
      List<Mechanism> options = Stream.generate(() -> mechanism(random)).limit(3).toList();
      double delta = Math.pow(10, -3 - random.nextInt(5));
      double epsilon =
          accountant.epsilon(
              jointly(
                  times(1, once(first)),
                  times(
                      1,
                      options.stream()
                          .map(JointCompositionTest::once)
                          .toArray(Composition[]::new))),
              delta);

      assertThat(adversary(first, options, epsilon))
          .as("%s then one of %s at epsilon %s", first, options, epsilon)
          .isBetween(0.99 * delta, delta * (1 + 1e-6));
    }
  }

  private static Mechanism mechanism(SplittableRandom random) {
    double q = random.nextBoolean() ? 1 : Math.pow(10, -2 * random.nextDouble());
    double sigma = 0.6 + 3 * random.nextDouble();
    return random.nextBoolean()
        ? Mechanism.uls(q, sigma)
        : Mechanism.els(q, 1 + random.nextInt(4), 2 * sigma);
  }

  /** Planted: the option that costs most alone, instead of the maximum at all α. */
  @Test
  void theMostExpensiveOptionAlone_wouldUnderstate() {
    // The first is worst at 1e-6; the second has the heavier tail, which a loss before brings in.
    Mechanism first = Mechanism.gaussian(1.5);
    Mechanism broad = Mechanism.gaussian(3);
    Mechanism rare = Mechanism.uls(0.0006, 0.4);
    double delta = 1e-4;
    assertThat(accountant.epsilon(broad, 1, delta))
        .isGreaterThan(accountant.epsilon(rare, 1, delta));
    double wrong = accountant.epsilon(jointly(times(1, once(first)), times(1, once(broad))), delta);
    double right =
        accountant.epsilon(
            jointly(times(1, once(first)), times(1, once(broad), once(rare))), delta);

    List<Mechanism> options = List.of(broad, rare);
    assertThat(adversary(first, options, wrong)).isGreaterThan(delta * 1.005);
    assertThat(adversary(first, options, right)).isBetween(0.99 * delta, delta * (1 + 1e-6));
  }

  /** Planted: the maximum over single rounds that cost most, instead of over whole phases. */
  @Test
  void rounds_areNotExchangedForPhases() {
    Composition many = Composition.of(Mechanism.uls(0.01, 1), 2000);
    Composition few = Composition.of(Mechanism.uls(0.5, 3), 20);

    double joint = accountant.epsilon(jointly(times(1, many, few)), DELTA);

    double larger = Math.max(accountant.epsilon(many, DELTA), accountant.epsilon(few, DELTA));
    assertThat(joint).isBetween(larger * (1 - 1e-4), larger * (1 + 6e-4));
  }

  @Test
  void profile_isNeverBelowAnOptionsAndHasTheMassOfADistribution() {
    List<Mechanism> options =
        List.of(Mechanism.uls(0.01, 0.6), Mechanism.gaussian(2), Mechanism.els(0.3, 3, 4));
    ChoiceProfile profile = profile(options, /* spacing= */ 0.02, /* points= */ 600);
    for (Direction direction : Direction.values()) {
      DiscretePld pld = profile.pld(direction);
      double mass = pld.infiniteMass();
      for (int i = 0; i < pld.size(); i++) {
        assertThat(pld.mass(i)).isNotNegative();
        mass += pld.mass(i);
      }
      assertThat(mass).isBetween(1.0, 1 + 1e-9);
      for (double epsilon = -6; epsilon < 6; epsilon += 0.173) {
        double largest = 0;
        double at = epsilon;
        for (Mechanism option : options) {
          largest = Math.max(largest, exact(option, at, direction));
        }
        assertThat(hockeyStick(pld, epsilon))
            .as("%s at %s", direction, epsilon)
            .isBetween(largest * (1 - 1e-12), largest * 1.01 + 1e-12);
      }
    }
  }

  private static ChoiceProfile profile(List<Mechanism> options, double spacing, int points) {
    List<ChoiceProfile.PreparedOption> prepared = new ArrayList<>();
    for (Mechanism option : options) {
      PreparedComposition composition = new PreparedComposition(once(option), 1e-25);
      prepared.add(
          new ChoiceProfile.PreparedOption(
              composition, composition.discretise(/* interval= */ 1e-3)));
    }
    return ChoiceProfile.of(prepared, spacing, points, /* smallest= */ 1e-14);
  }

  private static double hockeyStick(DiscretePld pld, double epsilon) {
    double sum = pld.infiniteMass();
    for (int i = 0; i < pld.size(); i++) {
      double loss = (pld.first() + i) * pld.interval();
      if (loss > epsilon) {
        sum += pld.mass(i) * -Math.expm1(epsilon - loss);
      }
    }
    return sum;
  }

  private static double adversary(Mechanism first, List<Mechanism> options, double epsilon) {
    double largest = 0;
    DominatingPair pair = DominatingPair.of(first, 1e-100);
    for (Direction direction : Direction.values()) {
      double low = -14 * pair.sigma();
      double high = pair.mean(pair.components() - 1) + 14 * pair.sigma();
      int nodes = 6000;
      double sum = 0;
      for (int i = 0; i <= nodes; i++) {
        double x = low + (high - low) * i / nodes;
        double loss = direction == Direction.REMOVE ? pair.loss(x) : -pair.loss(x);
        double density = 0;
        if (direction == Direction.REMOVE) {
          for (int j = 0; j < pair.components(); j++) {
            density += pair.weight(j) * normal((x - pair.mean(j)) / pair.sigma()) / pair.sigma();
          }
        } else {
          density = normal(x / pair.sigma()) / pair.sigma();
        }
        double most = 0;
        for (Mechanism option : options) {
          most = Math.max(most, exact(option, epsilon - loss, direction));
        }
        sum += density * most;
      }
      largest = Math.max(largest, sum * (high - low) / nodes);
    }
    return largest;
  }

  private static double normal(double z) {
    return Math.exp(-0.5 * z * z) / Math.sqrt(2 * Math.PI);
  }

  /** H of one round at exp(ε), any ε: mass beyond the one x at which the loss crosses ε. */
  private static double exact(Mechanism mechanism, double epsilon, Direction direction) {
    DominatingPair pair = DominatingPair.of(mechanism, 1e-100);
    double sign = direction == Direction.REMOVE ? 1 : -1;
    double low = -60 * pair.sigma();
    double high = pair.mean(pair.components() - 1) + 60 * pair.sigma();
    for (int i = 0; i < 100; i++) {
      double middle = 0.5 * (low + high);
      if (pair.loss(middle) < sign * epsilon) {
        low = middle;
      } else {
        high = middle;
      }
    }
    double upper = 0;
    for (int j = 0; j < pair.components(); j++) {
      upper += pair.weight(j) * GaussianTail.above(sign * (low - pair.mean(j)) / pair.sigma());
    }
    double lower = GaussianTail.above(sign * low / pair.sigma());
    return Math.max(
        0,
        direction == Direction.REMOVE
            ? upper - Math.exp(epsilon) * lower
            : lower - Math.exp(epsilon) * upper);
  }

  @Test
  void equalChoices_areMerged() {
    JointComposition.Part one = times(1, Composition.of(Mechanism.uls(0.1, 2), 10));

    assertThat(jointly(one, one, one))
        .isEqualTo(jointly(times(3, Composition.of(Mechanism.uls(0.1, 2), 10))));
    assertThat(times(1, once(Mechanism.gaussian(1)), once(Mechanism.gaussian(1))))
        .isEqualTo(times(1, once(Mechanism.gaussian(1))));
  }

  @Test
  void deltaThatCoversEveryParticipation_costsNothing() {
    JointComposition rare =
        jointly(times(5, once(Mechanism.uls(1e-9, 1)), once(Mechanism.uls(1e-8, 1))));

    assertThat(accountant.epsilon(rare, 6e-8)).isZero();
    assertThat(accountant.epsilon(rare, 1e-9)).isPositive();
  }

  @Test
  void precision_isAboutWhatIsAskedFor() {
    JointComposition composition =
        jointly(
            times(3, once(Mechanism.uls(0.02, 1.8256))),
            times(
                2,
                Composition.of(Mechanism.uls(0.068, 1.33), 300),
                Composition.of(Mechanism.uls(0.0085, 0.6), 300)));
    double fine = new PldAccountant(1e-5).epsilon(composition, DELTA);

    assertThat(accountant.epsilon(composition, DELTA)).isCloseTo(fine, within(4e-4 * fine));
  }

  @Test
  void nothingToChoose_isRefused() {
    assertThatThrownBy(() -> new Choice(List.of())).hasMessageContaining("at least one option");
    assertThatThrownBy(() -> new Choice(List.of(Composition.EMPTY)))
        .hasMessageContaining("at least one round");
    assertThatThrownBy(() -> new JointComposition(List.of()))
        .hasMessageContaining("at least one choice");
  }
}
