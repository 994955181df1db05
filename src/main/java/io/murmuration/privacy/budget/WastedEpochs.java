package io.murmuration.privacy.budget;

import io.murmuration.privacy.ledger.LedgerEntry;
import io.murmuration.privacy.ledger.LedgerPosition;
import io.murmuration.privacy.ledger.LedgerRecord.Charge;
import io.murmuration.privacy.ledger.LedgerRecord.EpochOpened;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * Recognises a crash loop that spends: how many epochs in a row, the last of a job so far, charged
 * a round of which the restored state holds nothing.
 *
 * <p>Attempts of one job restore its newest completed checkpoint, so what it does not hold was
 * never durable. A new submission is a person's decision, and counts from zero: it may restore an
 * older savepoint on purpose. Epochs without a charge cost nothing and are passed over.
 */
final class WastedEpochs {

  private WastedEpochs() {}

  /**
   * Counts.
   *
   * @param entries the ledger before this attempt opened its epoch
   * @param jobId of the job that this is an attempt of
   * @param restored what the restored state knows; empty at a start without state
   */
  static int count(List<LedgerEntry> entries, String jobId, Optional<LedgerPosition> restored) {
    long executed = restored.map(position -> executedRound(entries, position)).orElse(0L);
    Map<Long, Long> firstRounds = new HashMap<>();
    for (LedgerEntry entry : entries) {
      if (entry.record() instanceof Charge charge) {
        firstRounds.putIfAbsent(charge.epoch(), charge.round());
      }
    }
    int wasted = 0;
    for (int i = entries.size() - 1; i >= 0; i--) {
      if (entries.get(i).record() instanceof EpochOpened opened) {
        Long firstRound = firstRounds.get(opened.epoch());
        if (!opened.jobId().equals(jobId) || (firstRound != null && firstRound <= executed)) {
          return wasted;
        }
        wasted += firstRound == null ? 0 : 1;
      }
    }
    return wasted;
  }

  /** States of earlier releases do not say it: then whatever they had seen charged. */
  private static long executedRound(List<LedgerEntry> entries, LedgerPosition position) {
    if (position.executedRound() != LedgerPosition.UNKNOWN_ROUND) {
      return position.executedRound();
    }
    return entries.stream()
        .limit(position.sequence() + 1)
        .map(LedgerEntry::record)
        .filter(Charge.class::isInstance)
        .count();
  }
}
