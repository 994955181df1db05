package io.murmuration.report;

import io.murmuration.chart.Drawing;
import io.murmuration.privacy.mechanism.RoundMechanism;
import io.murmuration.release.CalibrationManifest;
import io.murmuration.release.Guarantee;
import io.murmuration.release.Manifest;
import io.murmuration.release.MechanismInWords;
import io.murmuration.release.ReleaseAudit.Checked;
import java.time.ZoneOffset;
import java.time.format.DateTimeFormatter;
import java.util.List;
import java.util.Locale;
import java.util.Optional;

/**
 * A report as the texts that its page shows, in the order of the page; {@code
 * src/main/jte/page.jte} says where each stands.
 *
 * @param title above everything
 * @param halted whether training has
 * @param state why it has halted, or that it goes on, and when the page was made
 * @param showsPrivate whether something on the page must stay inside the trust boundary
 * @param tiles the numbers that matter most
 * @param spent the chart of ε
 * @param spentNote below it
 * @param losses the chart of held-out losses; null where there are none to show
 * @param lossesNote below it, or in its place
 * @param sentence the guarantee, or that nothing was released
 * @param assumptions that it rests on
 * @param phases what was reserved
 * @param base the base model of the newest release; null where there is none
 * @param newest releases of models, newest first
 * @param older those that unfold
 * @param calibrations releases of calibrations, newest first
 * @param ledgerHead hash of the ledger's last record
 */
public record ReportView(
    String title,
    boolean halted,
    String state,
    boolean showsPrivate,
    List<Tile> tiles,
    Drawing spent,
    String spentNote,
    Drawing losses,
    String lossesNote,
    String sentence,
    List<String> assumptions,
    List<PhaseRow> phases,
    BaseModel base,
    List<ReleaseRow> newest,
    List<ReleaseRow> older,
    List<ReleaseRow> calibrations,
    String ledgerHead) {

  /** The number of releases that are shown at once; older ones unfold. */
  private static final int RELEASES_SHOWN = 10;

  /** Stands where a manifest cannot be read. */
  private static final String NOTHING = "–";

  private static final DateTimeFormatter TIME =
      DateTimeFormatter.ofPattern("yyyy-MM-dd HH:mm 'UTC'", Locale.ROOT).withZone(ZoneOffset.UTC);

  /**
   * A number with its name and a note.
   *
   * @param share of something whole, in [0, 1] with four decimals, to be shown as a bar; null for
   *     none
   */
  public record Tile(String name, String value, String share, String note) {}

  /** A phase of the ledger. */
  public record PhaseRow(
      String phase,
      String purpose,
      String sampling,
      String noise,
      String clipNorm,
      String divisor,
      String epsilon,
      String delta,
      String rounds) {}

  /** What releases adapt. */
  public record BaseModel(String name, String digest) {}

  /**
   * A release.
   *
   * @param found what a calibration measured; null for a model
   * @param sound whether the verification found nothing wrong
   */
  public record ReleaseRow(
      String name,
      String found,
      String epsilon,
      String contentDigest,
      String ledgerHash,
      boolean sound,
      String verified) {}

  /** The view of a report. */
  public static ReportView of(RunReport report) {
    ReportCharts charts = new ReportCharts(report);
    List<ReleaseRow> releases = report.releases().stream().map(ReportView::row).toList();
    int shown = Math.min(RELEASES_SHOWN, releases.size());
    return new ReportView(
        "Privacy of " + report.genesis().domain(),
        report.halt().isPresent(),
        report.halt().map(halt -> halt.text()).orElse("rounds may be granted")
            + " · "
            + TIME.format(report.made()),
        report.isPrivate(),
        List.of(epsilonTile(report), roundsTile(report), leftTile(report), releasesTile(report)),
        charts.spent(),
        charts.spentNote(),
        charts.losses().orElse(null),
        charts.lossesNote(),
        sentence(report),
        Guarantee.ASSUMPTIONS.stream().map(Guarantee.Assumption::sentence).toList(),
        report.phases().stream().map(ReportView::row).toList(),
        report
            .newest()
            .map(manifest -> new BaseModel(manifest.baseModel(), manifest.baseModelDigest()))
            .orElse(null),
        releases.subList(0, shown),
        releases.subList(shown, releases.size()),
        report.calibrations().stream().map(ReportView::row).toList(),
        report.ledgerHead());
  }

  private static String sentence(RunReport report) {
    return report.newest().isPresent() || !report.calibrations().isEmpty()
        ? Guarantee.sentence(
                report.genesis().domain(), report.rounds(), report.epsilonSpent(), report.delta())
            + " "
            + report.promise()
        : "Nothing has been released yet; the ledger holds %s charges."
            .formatted(Words.count(report.rounds()));
  }

  private static Tile epsilonTile(RunReport report) {
    double share = Math.min(1, report.epsilonSpent() / report.epsilonBudget());
    return new Tile(
        "ε spent",
        Guarantee.epsilonRoundedUp(report.epsilonSpent()),
        String.format(Locale.ROOT, "%.4f", share),
        "of %s at δ = %s"
            .formatted(Words.epsilon(report.epsilonBudget()), Words.number(report.deltaBudget())));
  }

  private static Tile roundsTile(RunReport report) {
    return new Tile("rounds", Words.count(report.rounds()), null, "charged to the ledger");
  }

  private static Tile leftTile(RunReport report) {
    if (report.halt().isPresent()) {
      return new Tile("rounds left", "0", null, "training has halted");
    }
    if (report.isEndless()) {
      return new Tile("rounds left", "no end", null, "the budget is each user's");
    }
    return new Tile(
        "rounds left",
        report.roundsLeft().isPresent() ? Words.count(report.roundsLeft().getAsLong()) : NOTHING,
        null,
        report
            .timeLeft()
            .map(left -> "about %s at this pace".formatted(Words.duration(left)))
            .orElse("predicted by the accountant"));
  }

  private static Tile releasesTile(RunReport report) {
    String note =
        report.unsoundReleases() > 0
            ? Words.count(report.unsoundReleases()) + " are NOT sound"
            : report.releases().isEmpty()
                ? "none is visible yet"
                : "all verified against the ledger";
    return new Tile("releases", Words.count(report.releases().size()), null, note);
  }

  private static PhaseRow row(RunReport.Phase phase) {
    RoundMechanism mechanism = phase.opened().mechanism();
    return new PhaseRow(
        Integer.toString(phase.opened().phase()),
        mechanism.query().purpose(),
        MechanismInWords.sampling(mechanism),
        Words.number(mechanism.noiseMultiplier())
            + (mechanism.bands() == 1 ? "" : ", " + MechanismInWords.correlation(mechanism)),
        Words.number(mechanism.clipNorm()),
        Words.number(mechanism.expectedUnits()),
        Words.epsilon(phase.opened().epsilon()),
        Words.number(phase.opened().delta()),
        (phase.opened().isLifetime() ? "%s, at most %s of them a user's" : "%s of at most %s")
            .formatted(Words.count(phase.rounds()), Words.count(phase.opened().maxRounds())));
  }

  private static ReleaseRow row(Checked release) {
    Optional<Manifest> manifest = Optional.ofNullable(release.manifest());
    boolean sound = release.problems().isEmpty();
    return new ReleaseRow(
        release.name(),
        found(release),
        manifest.map(one -> Guarantee.epsilonRoundedUp(one.epsilonSpent())).orElse(NOTHING),
        manifest.map(Manifest::contentDigest).orElse(NOTHING),
        manifest.map(Manifest::ledgerHash).orElse(NOTHING),
        sound,
        sound ? "yes" : "NO: " + String.join("; ", release.problems()));
  }

  /** What a calibration measured, and what it led to. */
  private static String found(Checked release) {
    if (!(release.manifest() instanceof CalibrationManifest manifest)) {
      return NOTHING;
    }
    RoundMechanism chosen = manifest.outcome().chosen();
    return chosen == null
        ? manifest.outcome().measured()
        : "%s: bound %d, clip norm %s, divisor %s"
            .formatted(
                manifest.outcome().measured(),
                chosen.groupSize(),
                Words.number(chosen.clipNorm()),
                Words.number(chosen.expectedUnits()));
  }
}
