package io.murmuration.report;

import io.murmuration.privacy.ledger.ChargeHistory;
import io.murmuration.privacy.ledger.HaltReason;
import io.murmuration.privacy.ledger.LedgerRecord.Genesis;
import io.murmuration.privacy.ledger.LedgerRecord.PhaseOpened;
import io.murmuration.release.Guarantee;
import io.murmuration.release.ReleaseAudit;
import io.murmuration.release.ReleaseAudit.Checked;
import io.murmuration.release.ReleaseFiles;
import io.murmuration.release.ReleaseManifest;
import java.io.IOException;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/**
 * What a report shows. All of it is computed from the ledger and from releases, which are public,
 * except losses on text that is not; those are absent unless they were asked for.
 *
 * @param genesis what the ledger is about
 * @param epsilonBudget the domain's ε with every raise
 * @param deltaBudget the domain's δ with every raise
 * @param epsilonSpent ε after the last charge, 0 without one
 * @param delta δ of that ε
 * @param rounds charges so far
 * @param spent ε after rounds, ascending, the last round included
 * @param predicted ε of rounds to come in the open phase, beginning with the last charged; empty
 *     after a halt
 * @param promise which promise the ledger makes, in one sentence
 * @param roundsLeft rounds that the open phase still affords; empty without a phase, and where
 *     training has no end since users have lifetimes
 * @param timeLeft how long these take at the pace of the last rounds; empty where that is not known
 * @param halt why no more rounds are granted
 * @param phases what was reserved
 * @param releases of models, newest first
 * @param calibrations releases of calibrations, newest first
 * @param ledgerHead hash of the ledger's last record
 * @param losses on held-out text, where they may be shown
 * @param lossesWithheld whether there are losses that may not be shown
 * @param made when the report was made
 */
public record RunReport(
    Genesis genesis,
    double epsilonBudget,
    double deltaBudget,
    double epsilonSpent,
    double delta,
    long rounds,
    List<Spent> spent,
    List<Spent> predicted,
    String promise,
    OptionalLong roundsLeft,
    Optional<Duration> timeLeft,
    Optional<HaltReason> halt,
    List<Phase> phases,
    List<Checked> releases,
    List<Checked> calibrations,
    String ledgerHead,
    Optional<HeldOutLosses> losses,
    boolean lossesWithheld,
    Instant made) {

  /** Composing takes milliseconds a round, and a curve needs no more points than this. */
  private static final int POINTS = 200;

  /** Charges whose pace predicts what is left. */
  private static final int PACE_ROUNDS = 50;

  /** ε after a round. */
  public record Spent(long round, double epsilon) {}

  /** A phase and how many rounds were charged to it. */
  public record Phase(PhaseOpened opened, long rounds) {}

  /** Which losses on held-out text may be shown. */
  public enum Audience {
    /** Anybody reads it: only losses on public text. */
    PUBLIC,
    /** Those who may see private data: all losses, and the page says so. */
    INSIDE
  }

  public RunReport {
    spent = List.copyOf(spent);
    predicted = List.copyOf(predicted);
    phases = List.copyOf(phases);
    releases = List.copyOf(releases);
    calibrations = List.copyOf(calibrations);
  }

  /**
   * Puts a report together.
   *
   * @param ledger of the domain
   * @param audit of the releases, all of which are verified against the ledger
   * @param losses on held-out text, if there are any
   * @throws IOException if the releases cannot be read
   * @throws IllegalArgumentException if the ledger is empty
   */
  public static RunReport of(
      ChargeHistory ledger,
      ReleaseAudit audit,
      Optional<HeldOutLosses> losses,
      Audience audience,
      Instant now)
      throws IOException {
    Genesis genesis =
        ledger
            .state()
            .genesis()
            .orElseThrow(
                () ->
                    new IllegalArgumentException(
                        "the ledger is empty: there is nothing to report before a job has opened"
                            + " it"));
    List<ChargeHistory.Charged> charges = ledger.charges();
    List<Checked> releases = new ArrayList<>(audit.verifyAgainst(ledger));
    Collections.reverse(releases);
    ChargeHistory.Charged last = charges.isEmpty() ? null : charges.get(charges.size() - 1);
    Optional<HaltReason> halt = ledger.state().halt();
    OptionalLong left = ledger.roundsLeft();
    Map<Integer, Long> roundsOfPhase =
        charges.stream()
            .collect(
                Collectors.groupingBy(charged -> charged.phase().phase(), Collectors.counting()));
    return new RunReport(
        genesis,
        ledger.state().epsilonBudget(),
        ledger.state().delta(),
        last == null ? 0 : ledger.epsilonAfter(last),
        last == null ? ledger.state().reserved().delta() : last.delta(),
        charges.size(),
        spent(ledger, charges),
        last == null
                || halt.isPresent()
                || !ledger.state().phase().equals(Optional.of(last.phase()))
            ? List.of()
            : predicted(ledger, last, left.orElseGet(() -> leftOfALifetime(last))),
        Guarantee.promise(ledger.state()),
        left,
        halt.isPresent() || left.isEmpty()
            ? Optional.empty()
            : timeLeft(charges, genesis, left.getAsLong()),
        halt,
        ledger.phases().stream()
            .map(phase -> new Phase(phase, roundsOfPhase.getOrDefault(phase.phase(), 0L)))
            .toList(),
        releases.stream().filter(each -> !ReleaseFiles.isCalibration(each.name())).toList(),
        releases.stream().filter(each -> ReleaseFiles.isCalibration(each.name())).toList(),
        ledger.state().headHash(),
        losses.filter(measured -> audience == Audience.INSIDE || measured.publicText()),
        losses.isPresent() && audience == Audience.PUBLIC && !losses.get().publicText(),
        now);
  }

  private static List<Spent> spent(ChargeHistory ledger, List<ChargeHistory.Charged> charges) {
    List<Spent> spent = new ArrayList<>();
    spent.add(new Spent(0, 0));
    int before = -1;
    for (int i = 1; i <= Math.min(POINTS, charges.size()); i++) {
      int index = (int) ((long) i * charges.size() / Math.min(POINTS, charges.size())) - 1;
      if (index != before) {
        ChargeHistory.Charged charged = charges.get(index);
        spent.add(new Spent(charged.charge().round(), ledger.epsilonAfter(charged)));
      }
      before = index;
    }
    return spent;
  }

  private static List<Spent> predicted(
      ChargeHistory ledger, ChargeHistory.Charged last, long roundsLeft) {
    List<Spent> predicted = new ArrayList<>();
    long before = -1;
    int points = POINTS / 4;
    for (int i = 0; i <= points; i++) {
      long more = (long) (roundsLeft * (i / (double) points));
      if (more != before) {
        predicted.add(new Spent(last.charge().round() + more, ledger.epsilonAfterMore(last, more)));
      }
      before = more;
    }
    return predicted;
  }

  /** Rounds in which ε still rises: until the first users can have had their lifetime. */
  private static long leftOfALifetime(ChargeHistory.Charged last) {
    return Math.max(0, last.phase().maxRounds() - last.roundsInPhase());
  }

  /** Whether training has no end since users have lifetimes. */
  public boolean isEndless() {
    return genesis.generations() != null;
  }

  /** Ticks are public time, and every charge records its own. */
  private static Optional<Duration> timeLeft(
      List<ChargeHistory.Charged> charges, Genesis genesis, long roundsLeft) {
    if (charges.size() < 2) {
      return Optional.empty();
    }
    int first = Math.max(0, charges.size() - 1 - PACE_ROUNDS);
    long ticks =
        charges.get(charges.size() - 1).charge().tick() - charges.get(first).charge().tick();
    double ticksPerRound = ticks / (double) (charges.size() - 1 - first);
    double millis = ticksPerRound * genesis.roundIntervalMillis() * roundsLeft;
    return Optional.of(Duration.ofMillis(Math.round(millis)));
  }

  /** Releases of whatever kind in which the verification found something wrong. */
  public long unsoundReleases() {
    return Stream.concat(releases.stream(), calibrations.stream())
        .filter(release -> !release.problems().isEmpty())
        .count();
  }

  /** The newest release of a model that can be read. */
  public Optional<ReleaseManifest> newest() {
    return releases.stream()
        .map(Checked::manifest)
        .filter(ReleaseManifest.class::isInstance)
        .map(ReleaseManifest.class::cast)
        .findFirst();
  }

  /** Whether the page shows something that must stay inside the trust boundary. */
  public boolean isPrivate() {
    return losses.isPresent() && !losses.get().publicText();
  }
}
