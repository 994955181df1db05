package io.murmuration.job;

import io.murmuration.config.PrivacyConfig;
import io.murmuration.planning.HorizonPlan;
import io.murmuration.privacy.accounting.NoiseCalibration;
import io.murmuration.privacy.accounting.PhaseAccountant;
import io.murmuration.privacy.accounting.PldAccountant;
import io.murmuration.privacy.accounting.PldPhaseAccountant;
import io.murmuration.privacy.accounting.PrivacyLoss;
import io.murmuration.privacy.ledger.LedgerRecord.Genesis;
import io.murmuration.privacy.mechanism.RoundMechanism;
import io.murmuration.privacy.mechanism.RoundQuery;
import io.murmuration.privacy.mechanism.RoundQuery.ModelUpdate;
import java.util.Optional;

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
                                    /* noiseMultiplier= */ 1),
                            config.rounds().getAsLong(),
                            share.epsilon(),
                            share.delta()));
    double expectedUnits = config.expectedUnits().orElseThrow();
    return new RoundMechanism(
        config.sampler(),
        config.samplingProbability().orElseThrow(),
        config.groupSize(),
        noiseMultiplier,
        config.clipNorm(),
        expectedUnits,
        config.adaptiveClipping() == null
            ? RoundQuery.UPDATE
            : new ModelUpdate(config.adaptiveClipping().in(noiseMultiplier, expectedUnits)));
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
