package io.murmuration.privacy.budget;

import io.murmuration.privacy.ledger.LedgerEntry;
import io.murmuration.privacy.ledger.LedgerPosition;
import io.murmuration.privacy.ledger.LedgerRecord.Charge;
import io.murmuration.privacy.ledger.LedgerRecord.PhaseOpened;
import java.util.Collection;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/**
 * Recognises a start that leaves the newest published model behind: an old savepoint that is
 * restored, or none where models were published. Both are allowed and spend nothing twice, but the
 * next release has a higher round than the newest one and an older model, and whoever follows
 * {@code latest} gets it.
 *
 * <p>State is older than a release exactly if it has not seen the release's charge: a release
 * becomes visible when a checkpoint completes that was taken after its charge. So a restore of the
 * newest checkpoint is never taken for an old one.
 */
final class ModelLineage {

  private ModelLineage() {}

  /**
   * What a person should know.
   *
   * @param entries the ledger
   * @param restored what the restored state had seen; empty at a start without state
   * @param released hashes of charges that visible releases, and the configured starting point,
   *     name
   * @param startingPoint those among them that the configured starting point names
   * @return empty if the newest model goes on
   */
  static Optional<String> warning(
      List<LedgerEntry> entries,
      Optional<LedgerPosition> restored,
      Collection<String> released,
      Collection<String> startingPoint) {
    Optional<LedgerEntry> newest = newestModel(entries, new HashSet<>(released));
    if (newest.isEmpty()) {
      return Optional.empty();
    }
    LedgerEntry release = newest.get();
    long round = ((Charge) release.record()).round();
    if (restored.isEmpty()) {
      return startingPoint.contains(release.hash())
          ? Optional.empty()
          : Optional.of(
              ("no state is restored, and training does not go on from the newest release, that of"
                      + " round %d. The next one, which 'latest' will point to, begins anew. If that"
                      + " is not meant, stop the job and restore its newest savepoint, or set"
                      + " training.start-from to the release")
                  .formatted(round));
    }
    if (restored.get().sequence() >= release.sequence()) {
      return Optional.empty();
    }
    long model = restored.get().executedRound();
    return Optional.of(
        ("the restored state is older than the newest release, that of round %d: its model is that%s."
                + " Training goes on from it, and the next release, which 'latest' will point to, has"
                + " a higher round and lacks what was learned since. If that is not meant, stop the"
                + " job and restore a newer savepoint, or start without state and with"
                + " training.start-from")
            .formatted(
                round,
                model == LedgerPosition.UNKNOWN_ROUND
                    ? " of an earlier round"
                    : model == 0 ? " of the start" : " of round " + model));
  }

  /** The last charge of a training round that is among those named. */
  private static Optional<LedgerEntry> newestModel(List<LedgerEntry> entries, Set<String> named) {
    Map<Integer, Boolean> trains = new HashMap<>();
    LedgerEntry newest = null;
    for (LedgerEntry entry : entries) {
      if (entry.record() instanceof PhaseOpened opened) {
        trains.put(opened.phase(), !opened.mechanism().query().isCalibration());
      } else if (entry.record() instanceof Charge charge
          && trains.getOrDefault(charge.phase(), false)
          && named.contains(entry.hash())) {
        newest = entry;
      }
    }
    return Optional.ofNullable(newest);
  }
}
