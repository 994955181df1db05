package io.murmuration.release;

import io.murmuration.privacy.ledger.LedgerEntry;
import io.murmuration.privacy.ledger.LedgerRecord.Calibrated;
import io.murmuration.privacy.ledger.LedgerRecord.Charge;
import io.murmuration.privacy.ledger.LedgerRecord.EpochOpened;
import java.io.IOException;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;

/**
 * What became of the rounds that a ledger charged, as far as the ledger and a store of releases say
 * it. All of it is public.
 *
 * <ul>
 *   <li><b>Executed, at least:</b> an epoch charges a round when the one before is acknowledged, so
 *       all of its rounds but the last were executed, and so was whatever is published or recorded.
 *       (A charge whose outcome was not known in time is void, and the ledger cannot tell it from
 *       one that was followed by another: it counts as executed here.)
 *   <li><b>Published:</b> its release is visible, so a completed checkpoint held it.
 *   <li><b>Open:</b> of the last epoch that charged, and newer than every release: in flight, or
 *       waiting for its checkpoint, or rolled back when the job starts again.
 *   <li><b>Lost:</b> paid for, and it will not be published: an epoch that charges has completed a
 *       checkpoint, and with it published all that earlier ones left it; and releases of one epoch
 *       become visible in their order.
 *   <li><b>Before the oldest release:</b> lost, or published once and pruned since. Nothing says
 *       which.
 * </ul>
 *
 * @param charged rounds that the ledger charged
 * @param executedAtLeast see above
 * @param releases what a store says; empty where none was looked at
 */
public record RoundAccount(long charged, long executedAtLeast, Optional<Releases> releases) {

  /**
   * What a store says of the rounds that a ledger charged; all of them together are the charged
   * ones.
   *
   * @param published how many are visible
   * @param open newest rounds that may still be published, ascending
   * @param lost rounds that will not be, ascending
   * @param beforeOldest rounds older than the oldest release, ascending
   */
  public record Releases(
      long published, List<Long> open, List<Long> lost, List<Long> beforeOldest) {

    public Releases {
      open = List.copyOf(open);
      lost = List.copyOf(lost);
      beforeOldest = List.copyOf(beforeOldest);
    }
  }

  /** Accounts for the rounds by the ledger alone. */
  public static RoundAccount of(List<LedgerEntry> entries) {
    return new RoundAccount(
        charges(entries).size(), executed(entries, Set.of()).size(), Optional.empty());
  }

  /**
   * Accounts for the rounds by the ledger and the releases of its domain.
   *
   * @param entries the whole ledger, with its genesis
   * @throws IOException if the releases cannot be read, or are another domain's, or name a charge
   *     that the ledger does not hold
   */
  public static RoundAccount of(List<LedgerEntry> entries, String domain, ReleaseCatalog catalog)
      throws IOException {
    catalog.requireDomain(domain);
    Map<String, Long> rounds = new HashMap<>();
    for (LedgerEntry entry : entries) {
      if (entry.record() instanceof Charge charge) {
        rounds.put(entry.hash(), charge.round());
      }
    }
    TreeSet<Long> published = new TreeSet<>();
    for (String name : catalog.allNames()) {
      String hash = catalog.anyManifest(name).ledgerHash();
      if (!rounds.containsKey(hash)) {
        throw new IOException(
            "release %s names a charge with hash %s, which the ledger does not hold; look with 'releases verify'"
                .formatted(name, hash));
      }
      published.add(rounds.get(hash));
    }
    return of(entries, published);
  }

  private static RoundAccount of(List<LedgerEntry> entries, TreeSet<Long> published) {
    List<Charge> charges = charges(entries);
    long lastEpoch = charges.isEmpty() ? 0 : charges.get(charges.size() - 1).epoch();
    List<Long> open = new ArrayList<>();
    List<Long> lost = new ArrayList<>();
    List<Long> beforeOldest = new ArrayList<>();
    for (Charge charge : charges) {
      long round = charge.round();
      if (published.contains(round)) {
        continue;
      }
      boolean newer = published.isEmpty() || round > published.last();
      boolean older = !published.isEmpty() && round < published.first();
      if (newer && charge.epoch() == lastEpoch) {
        open.add(round);
      } else if (older) {
        beforeOldest.add(round);
      } else {
        lost.add(round);
      }
    }
    return new RoundAccount(
        charges.size(),
        executed(entries, published).size(),
        Optional.of(new Releases(published.size(), open, lost, beforeOldest)));
  }

  private static List<Charge> charges(List<LedgerEntry> entries) {
    return entries.stream()
        .map(LedgerEntry::record)
        .filter(Charge.class::isInstance)
        .map(Charge.class::cast)
        .toList();
  }

  private static Set<Long> executed(List<LedgerEntry> entries, Collection<Long> published) {
    Set<Long> executed = new HashSet<>(published);
    Charge last = null;
    for (LedgerEntry entry : entries) {
      if (entry.record() instanceof EpochOpened) {
        last = null;
      } else if (entry.record() instanceof Calibrated calibrated) {
        executed.add(calibrated.round());
      } else if (entry.record() instanceof Charge charge) {
        if (last != null) {
          executed.add(last.round());
        }
        last = charge;
      }
    }
    return executed;
  }

  /** The account in one line, for people. */
  public String inWords() {
    StringBuilder words = new StringBuilder();
    words.append("%d charged, at least %d of them executed".formatted(charged, executedAtLeast));
    if (releases.isEmpty()) {
      return words.append("; --releases tells what was published and what was lost").toString();
    }
    Releases said = releases.get();
    words.append(", %d durable and published".formatted(said.published()));
    append(words, said.open(), "not published yet");
    append(words, said.beforeOldest(), "before the oldest release, lost or pruned");
    if (said.lost().isEmpty()) {
      words.append(", none lost");
    }
    append(words, said.lost(), "lost");
    return words.toString();
  }

  private static void append(StringBuilder words, List<Long> rounds, String what) {
    if (!rounds.isEmpty()) {
      words.append(", %d %s (%s)".formatted(rounds.size(), what, ranges(rounds)));
    }
  }

  /** Ascending numbers with runs drawn together, such as {@code 2, 6-10}. */
  static String ranges(List<Long> ascending) {
    StringBuilder text = new StringBuilder();
    int from = 0;
    for (int i = 0; i < ascending.size(); i++) {
      if (i + 1 < ascending.size() && ascending.get(i + 1) == ascending.get(i) + 1) {
        continue;
      }
      text.append(text.isEmpty() ? "" : ", ").append(ascending.get(from));
      if (i > from) {
        text.append('-').append(ascending.get(i));
      }
      from = i + 1;
    }
    return text.toString();
  }
}
