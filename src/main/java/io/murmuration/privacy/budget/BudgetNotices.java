package io.murmuration.privacy.budget;

import io.murmuration.privacy.ledger.HaltReason;
import io.murmuration.privacy.ledger.LedgerException;
import io.murmuration.privacy.ledger.LedgerRecord.PhaseOpened;
import io.murmuration.privacy.mechanism.EpochStart;
import io.murmuration.privacy.mechanism.Grant;
import java.time.Instant;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** What the privacy budget tells people and observers of a domain. */
final class BudgetNotices {

  /** Under the operator's name, by which logs are filtered. */
  private static final Logger LOGGER = LoggerFactory.getLogger(PrivacyBudgetOperator.class);

  private final String domain;

  BudgetNotices(String domain) {
    this.domain = domain;
  }

  /** The epoch after a failure is not opened yet. */
  void epochOpensAt(long millis) {
    LOGGER.info(
        "Privacy domain {}: after a failure the next epoch is opened at {}, a public moment",
        domain,
        Instant.ofEpochMilli(millis));
  }

  void epochStarts(
      EpochStart start, String submission, RoundCoordinator coordinator, double epsilonSpent) {
    LOGGER.info(
        "Privacy domain {}: epoch {} of submission {} starts at tick {}; round {} was the last,"
            + " epsilon {} of {} is spent",
        domain,
        start.epoch(),
        submission,
        start.firstTick(),
        coordinator.round(),
        epsilonSpent,
        coordinator.epsilonBudget());
  }

  /** Training does not go on from the newest release. */
  void modelLeftBehind(String why) {
    LOGGER.warn("Privacy domain {}: {}", domain, why);
  }

  /** What charging waits for is not what it was. Only what takes long is more than a detail. */
  void chargingWaits(DurabilityGate.Verdict verdict, DurabilityGate gate, long nowMillis) {
    if (verdict == DurabilityGate.Verdict.PAUSE || verdict == DurabilityGate.Verdict.PERSON) {
      LOGGER.warn(
          "Privacy domain {}: after {} attempts in a row, charging waits for {} ({} s)",
          domain,
          gate.wastedEpochs(),
          verdict.waitsFor(),
          gate.pauseLeft(nowMillis).toSeconds());
      BudgetObservers.tell(domain, observer -> observer.waiting(verdict.waitsFor()));
    } else {
      LOGGER.debug("Privacy domain {}: charging waits for {}", domain, verdict.waitsFor());
    }
  }

  void granted(Grant grant) {
    BudgetObservers.tell(domain, observer -> observer.granted(grant));
  }

  /** A calibration came to its end. */
  void calibrated(PhaseOpened next) {
    LOGGER.info(
        "Privacy domain {}: calibrated; phase {} follows with {}",
        domain,
        next.phase(),
        next.mechanism());
  }

  /** The ledger is out of reach, or somebody else's. */
  void ledgerAway(LedgerException reason, long pauseMillis) {
    LOGGER.warn(
        "Privacy domain {}: no round is granted, the ledger is tried again in {} ms: {}",
        domain,
        pauseMillis,
        describe(reason));
    LOGGER.debug("Why the ledger is out of reach", reason);
    BudgetObservers.tell(domain, observer -> observer.waiting(describe(reason)));
  }

  private static String describe(Throwable reason) {
    Throwable cause = reason.getCause();
    return cause == null ? reason.getMessage() : reason.getMessage() + ": " + cause;
  }

  void halted(HaltReason reason, long round, double epsilonSpent) {
    LOGGER.warn(
        "Privacy domain {}: training is halted after round {} because {}. Ingest and time go on.",
        domain,
        round,
        reason.text());
    BudgetObservers.tell(domain, observer -> observer.halted(reason, round, epsilonSpent));
  }
}
