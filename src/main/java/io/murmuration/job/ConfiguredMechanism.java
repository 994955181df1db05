package io.murmuration.job;

import io.murmuration.config.PrivacyConfig;
import io.murmuration.contribution.UserTurns;
import io.murmuration.event.UserPseudonyms;
import io.murmuration.planning.HorizonPlan;
import io.murmuration.planning.NoiseCorrelation;
import io.murmuration.privacy.accounting.Mechanism;
import io.murmuration.privacy.accounting.NoiseCalibration;
import io.murmuration.privacy.accounting.PhaseAccountant;
import io.murmuration.privacy.accounting.PldAccountant;
import io.murmuration.privacy.accounting.PldPhaseAccountant;
import io.murmuration.privacy.accounting.PrivacyLoss;
import io.murmuration.privacy.ledger.LedgerRecord.Genesis;
import io.murmuration.privacy.mechanism.CorrelatedNoise;
import io.murmuration.privacy.mechanism.RoundMechanism;
import io.murmuration.privacy.mechanism.RoundQuery;
import io.murmuration.privacy.mechanism.RoundQuery.ModelUpdate;
import java.util.Optional;
import org.apache.commons.codec.digest.DigestUtils;

/**
 * Derives the mechanism of every round from the configured guarantee: a function of public numbers
 * alone.
 */
public final class ConfiguredMechanism {

  private ConfiguredMechanism() {}

  /**
   * What every round does. Where the noise multiplier is left open, it is the smallest with which
   * the budget affords the planned rounds.
   *
   * @param config where nothing is calibrated
   */
  public static RoundMechanism of(PrivacyConfig config) {
    PrivacyLoss share = share(config);
    double noiseMultiplier =
        config
            .noiseMultiplier()
            .orElseGet(
                () ->
                    new NoiseCalibration(new PldAccountant())
                        .noiseMultiplier(
                            config
                                .sampler()
                                .accounted(
                                    config.samplingProbability().orElseThrow(),
                                    config.groupSize(),
                                    /* noiseMultiplier= */ 1,
                                    config.noiseBands()),
                            config.rounds().getAsLong(),
                            share.epsilon(),
                            share.delta()));
    double expectedUnits = config.expectedUnits().orElseThrow();
    RoundMechanism independent =
        new RoundMechanism(
            config.sampler(),
            config.samplingProbability().orElseThrow(),
            config.groupSize(),
            noiseMultiplier,
            config.clipNorm(),
            expectedUnits,
            config.adaptiveClipping() == null
                ? RoundQuery.UPDATE
                : new ModelUpdate(config.adaptiveClipping().in(noiseMultiplier, expectedUnits)));
    return config.noiseBands() == 1
        ? independent
        : independent.withCorrelatedNoise(correlation(config, noiseMultiplier, share));
  }

  /** The coefficients that leave the least noise in the models of all rounds there will be. */
  private static CorrelatedNoise correlation(
      PrivacyConfig config, double noiseMultiplier, PrivacyLoss share) {
    Mechanism accounted =
        config
            .sampler()
            .accounted(
                config.samplingProbability().orElseThrow(),
                config.groupSize(),
                noiseMultiplier,
                config.noiseBands());
    long rounds =
        config
            .rounds()
            .orElseGet(
                () ->
                    PldPhaseAccountant.forPhase(accounted, share.epsilon(), share.delta())
                        .affordableRounds());
    return NoiseCorrelation.of(
        config.noiseBands(), Math.max(1, rounds), turnKey(config).fingerprint());
  }

  /** Whose turn a round is, where noise is correlated. */
  static UserTurns turns(PrivacyConfig config) {
    return config.noiseBands() == 1 ? UserTurns.NONE : UserTurns.of(turnKey(config));
  }

  /**
   * The key by which users get their turns where noise is correlated. It is public, a function of
   * the domain's name: the guarantee holds for whoever knows everybody's turn, a secret would add
   * nothing to it, and could be lost.
   */
  static UserPseudonyms turnKey(PrivacyConfig config) {
    return new UserPseudonyms(DigestUtils.sha256("turns of the users of " + config.domain()));
  }

  /**
   * What of the budget one mechanism can have: all of it, or a generation's share where users have
   * lifetimes.
   */
  public static PrivacyLoss share(PrivacyConfig config) {
    return Genesis.shareOf(
        PrivacyLoss.budget("budget", config.epsilon(), config.delta()),
        config.horizon().generations());
  }

  /**
   * What one user may take part in, as far as it is known before anything is measured; empty where
   * users have no lifetimes, and where the mechanism is chosen from the stream.
   */
  public static Optional<HorizonPlan> horizon(PrivacyConfig config) {
    if (!config.horizon().enabled() || config.calibrated()) {
      return Optional.empty();
    }
    PrivacyLoss share = share(config);
    return Optional.of(
        HorizonPlan.of(
            of(config).accounted(), share.epsilon(), share.delta(), new PldAccountant()));
  }

  /** The accountant of a phase of such rounds. */
  public static PhaseAccountant accountant(RoundMechanism round, double epsilon, double delta) {
    return PldPhaseAccountant.forPhase(round.accounted(), epsilon, delta);
  }
}
