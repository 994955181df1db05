package io.murmuration.simulation;

import io.murmuration.event.UserPseudonyms;
import io.murmuration.privacy.accounting.Mechanism;
import io.murmuration.privacy.accounting.PhaseAccountant;
import io.murmuration.privacy.accounting.PldAccountant;
import io.murmuration.privacy.accounting.PldPhaseAccountant;
import io.murmuration.privacy.mechanism.CorrelatedNoise;
import io.murmuration.privacy.mechanism.RoundMechanism;
import io.murmuration.privacy.mechanism.Sampler;
import io.murmuration.privacy.noise.Bands;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;

/** The real accountant, remembered across lives: all have one of a few mechanisms. */
final class Accountants {

  static final double DELTA = 1e-6;

  /** The key by which users' turns are drawn. */
  static final UserPseudonyms TURNS = key(1);

  /** Independent noise, and correlated noise of whole users and of examples. */
  private static final List<RoundMechanism> MECHANISMS =
      List.of(
          mechanism(Sampler.ULS, /* samplingProbability= */ 0.4, /* bands= */ 1),
          mechanism(Sampler.ULS, /* samplingProbability= */ 0.4, /* bands= */ 2),
          mechanism(Sampler.ELS, /* samplingProbability= */ 0.2, /* bands= */ 3));

  private static final Map<Phase, PhaseAccountant> KNOWN = new ConcurrentHashMap<>();
  private static final Map<Affordable, Double> BUDGETS = new ConcurrentHashMap<>();

  private record Phase(RoundMechanism mechanism, double epsilon, double delta) {}

  private record Affordable(RoundMechanism mechanism, int rounds) {}

  private Accountants() {}

  static UserPseudonyms key(int seed) {
    byte[] key = new byte[UserPseudonyms.MIN_KEY_BYTES];
    Arrays.fill(key, (byte) seed);
    return new UserPseudonyms(key);
  }

  /** The mechanism of a life: each is as frequent as any other. */
  static RoundMechanism mechanism(long seed) {
    return MECHANISMS.get((int) (seed % MECHANISMS.size()));
  }

  private static RoundMechanism mechanism(Sampler sampler, double probability, int bands) {
    return new RoundMechanism(
            sampler,
            probability,
            /* groupSize= */ 3,
            /* noiseMultiplier= */ 2,
            /* clipNorm= */ 0.5,
            /* expectedUnits= */ 4)
        .withCorrelatedNoise(
            bands == 1
                ? null
                : new CorrelatedNoise(
                    Arrays.stream(Bands.of(bands)).boxed().toList(), TURNS.fingerprint()));
  }

  static PhaseAccountant of(RoundMechanism mechanism, double epsilon, double delta) {
    return KNOWN.computeIfAbsent(
        new Phase(mechanism, epsilon, delta),
        phase -> PldPhaseAccountant.forPhase(mechanism.accounted(), epsilon, delta));
  }

  /** A budget that affords so many rounds, brought up to whole cycles, and not one more. */
  static double budgetFor(RoundMechanism mechanism, int rounds) {
    return BUDGETS.computeIfAbsent(
        new Affordable(mechanism, rounds), affordable -> betweenThisAndOneMore(affordable));
  }

  private static double betweenThisAndOneMore(Affordable affordable) {
    PldAccountant accountant = new PldAccountant();
    Mechanism round = affordable.mechanism().accounted();
    long rounds = round.roundsOf(round.participations(affordable.rounds()));
    return (accountant.epsilon(round, rounds, DELTA) + accountant.epsilon(round, rounds + 1, DELTA))
        / 2;
  }
}
