package io.murmuration.report;

import io.murmuration.privacy.mechanism.RoundMechanism;
import io.murmuration.privacy.mechanism.Sampler;
import io.murmuration.release.CalibrationManifest;
import io.murmuration.release.Guarantee;
import io.murmuration.release.Manifest;
import io.murmuration.release.ReleaseAudit.Checked;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.time.ZoneOffset;
import java.time.format.DateTimeFormatter;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Optional;

/**
 * A report as one HTML page that needs nothing else: no network, no script, no font.
 *
 * <p>Whatever comes from the ledger or from a release is escaped, and the page's own policy forbids
 * it to load anything.
 */
public final class ReportPage {

  private static final String STYLE = resource("report.css");

  /** So many releases are shown at once; older ones unfold. */
  private static final int RELEASES_SHOWN = 10;

  private static final DateTimeFormatter TIME =
      DateTimeFormatter.ofPattern("yyyy-MM-dd HH:mm 'UTC'", Locale.ROOT).withZone(ZoneOffset.UTC);

  private final RunReport report;
  private final Markup page = new Markup();

  private ReportPage(RunReport report) {
    this.report = report;
  }

  /** The page's text, to be written as UTF-8. */
  public static String of(RunReport report) {
    return new ReportPage(report).render();
  }

  private static String resource(String name) {
    try (InputStream in = ReportPage.class.getResourceAsStream(name)) {
      return new String(in.readAllBytes(), StandardCharsets.UTF_8);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private String render() {
    String title = "Privacy of " + report.genesis().domain();
    page.element(
        "html",
        () -> {
          page.element("head", () -> writeHead(title));
          page.element(
              "body",
              () -> {
                page.element("main", () -> writeBody(title));
              });
        },
        "lang",
        "en");
    return page.page();
  }

  private void writeHead(String title) {
    page.single("meta", "charset", "utf-8");
    page.single("meta", "name", "viewport", "content", "width=device-width, initial-scale=1");
    page.single(
        "meta",
        "http-equiv",
        "Content-Security-Policy",
        "content",
        "default-src 'none'; style-src 'unsafe-inline'");
    page.single("meta", "name", "color-scheme", "content", "light dark");
    page.element("title", title);
    page.element("style", STYLE);
  }

  private void writeBody(String title) {
    page.element(
        "header",
        () -> {
          page.element("h1", title);
          page.element(
              "p",
              () -> {
                page.element(
                    "span",
                    report.halt().isPresent() ? "halted" : "training",
                    "class",
                    report.halt().isPresent() ? "state halted" : "state training");
                page.text(
                    report.halt().map(halt -> " " + halt.text()).orElse(" rounds may be granted")
                        + " · "
                        + TIME.format(report.made()));
              },
              "class",
              "muted");
        });
    if (report.isPrivate()) {
      page.element(
          "p",
          "For eyes inside the trust boundary: the losses on this page are measured on text that is"
              + " not public.",
          "class",
          "warning");
    }
    page.element("section", this::writeTiles, "class", "tiles");
    page.element(
        "section",
        () -> {
          page.element("figure", this::writeEpsilonChart);
          page.element("figure", this::writeLossChart);
        },
        "class",
        "charts");
    page.element("section", this::writeStatement);
    page.element("section", this::writePhases);
    page.element("section", this::writeReleases);
    if (!report.calibrations().isEmpty()) {
      page.element("section", this::writeCalibrations);
    }
    page.element(
        "footer",
        () -> {
          page.text("Made by Murmuration from the ledger, whose head is ");
          page.element("code", report.ledgerHead());
          page.text(
              report.isPrivate()
                  ? ", from the releases, and from private losses."
                  : ", and from the releases. Every number on this page is public, or computed from"
                      + " public ones.");
        },
        "class",
        "muted");
  }

  private void writeTiles() {
    tile(
        "ε spent",
        roundedUp(report.epsilonSpent()),
        "of %s at δ = %s".formatted(number(report.epsilonBudget()), number(report.deltaBudget())),
        Optional.of(report.epsilonSpent() / report.epsilonBudget()));
    tile("rounds", "%,d".formatted(report.rounds()), "charged to the ledger", Optional.empty());
    tile(
        "rounds left",
        report.halt().isPresent()
            ? "0"
            : report.roundsLeft().isPresent()
                ? "%,d".formatted(report.roundsLeft().getAsLong())
                : "–",
        report.halt().isPresent()
            ? "training has halted"
            : report
                .timeLeft()
                .map(left -> "about %s at this pace".formatted(inWords(left)))
                .orElse("predicted by the accountant"),
        Optional.empty());
    tile(
        "releases",
        "%,d".formatted(report.releases().size()),
        report.unsoundReleases() > 0
            ? "%,d are NOT sound".formatted(report.unsoundReleases())
            : report.releases().isEmpty()
                ? "none is visible yet"
                : "all verified against the ledger",
        Optional.empty());
  }

  private void tile(String name, String value, String note, Optional<Double> share) {
    page.element(
        "div",
        () -> {
          page.element("div", name, "class", "muted");
          page.element("div", value, "class", "value");
          share.ifPresent(
              part ->
                  page.element(
                      "meter",
                      "",
                      "min",
                      "0",
                      "max",
                      "1",
                      "value",
                      String.format(Locale.ROOT, "%.4f", Math.min(1, part))));
          page.element("div", note, "class", "muted");
        },
        "class",
        "tile");
  }

  private void writeEpsilonChart() {
    page.element("figcaption", "Privacy spent");
    List<LineChart.Series> series = new ArrayList<>();
    if (report.predicted().size() > 1) {
      series.add(new LineChart.Series("predicted", false, points(report.predicted(), "predicted")));
    }
    series.add(new LineChart.Series("spent", false, points(report.spent(), "spent")));
    new LineChart(
            "ε spent after %,d rounds: %s of a budget of %s"
                .formatted(
                    report.rounds(),
                    roundedUp(report.epsilonSpent()),
                    number(report.epsilonBudget())),
            "round",
            "ε",
            /* yFromZero= */ true,
            Optional.of(
                new LineChart.Limit(
                    "budget " + number(report.epsilonBudget()), report.epsilonBudget())),
            series)
        .write(page);
    page.element(
        "p",
        report.predicted().size() > 1
            ? "Solid: spent, computed anew from the ledger. Dashed: what the rounds to come will"
                + " cost."
            : "Computed anew from the ledger's charges.",
        "class",
        "muted");
  }

  private static List<LineChart.Point> points(List<RunReport.Spent> spent, String word) {
    return spent.stream()
        .filter(point -> Double.isFinite(point.epsilon()))
        .map(
            point ->
                new LineChart.Point(
                    point.round(),
                    point.epsilon(),
                    "round %,d: ε %s %s"
                        .formatted(point.round(), roundedUp(point.epsilon()), word)))
        .toList();
  }

  private void writeLossChart() {
    page.element("figcaption", "Held-out loss");
    if (report.losses().isEmpty() || report.losses().get().points().isEmpty()) {
      page.element(
          "p",
          report.lossesWithheld()
              ? "Losses were measured, but on text that is not public: they are exact functions of"
                  + " private data and do not belong on a page that leaves the trust boundary."
                  + " The option --include-private shows them and marks the page."
              : "No held-out loss was measured. The options --events and --model measure the"
                  + " releases on a file of messages.",
          "class",
          "muted absent");
      return;
    }
    HeldOutLosses losses = report.losses().get();
    List<HeldOutLosses.Point> measured = losses.points();
    HeldOutLosses.Point last = measured.get(measured.size() - 1);
    new LineChart(
            "held-out loss over rounds, from %.3f to %.3f nats a token"
                .formatted(measured.get(0).natsPerToken(), last.natsPerToken()),
            "round",
            "nats per token",
            /* yFromZero= */ false,
            Optional.empty(),
            List.of(
                new LineChart.Series(
                    "loss",
                    true,
                    measured.stream()
                        .map(
                            point ->
                                new LineChart.Point(
                                    point.round(),
                                    point.natsPerToken(),
                                    "%s: %.3f nats per token"
                                        .formatted(
                                            point.round() == 0
                                                ? "base model"
                                                : "round %,d".formatted(point.round()),
                                            point.natsPerToken())))
                        .toList())))
        .write(page);
    page.element(
        "p",
        String.format(
            Locale.ROOT,
            "Round 0 is the base model; %.3f at round %,d. The text: %s (%s).",
            last.natsPerToken(),
            last.round(),
            losses.text(),
            losses.publicText() ? "public" : "NOT public"),
        "class",
        "muted");
  }

  private void writeStatement() {
    page.element("h2", "The guarantee");
    page.element(
        "blockquote",
        report.newest().isPresent() || !report.calibrations().isEmpty()
            ? Guarantee.sentence(
                report.genesis().domain(), report.rounds(), report.epsilonSpent(), report.delta())
            : "Nothing has been released yet; the ledger holds %,d charges."
                .formatted(report.rounds()));
    page.element(
        "p",
        "Protected is one user: all events that ever carry one user id. Whether or not that user is"
            + " in the stream changes the probability of any set of releases by at most a factor"
            + " e^ε, but for δ. The accounting assumes that the noisy model after every round is"
            + " seen. Under any rule for when to stop looking, what holds is the total that the"
            + " ledger reserved, which never exceeds the budget.");
    page.element("p", "It holds if");
    page.element(
        "ul",
        () ->
            Guarantee.ASSUMPTIONS.forEach(assumption -> page.element("li", assumption.sentence())));
  }

  private void writePhases() {
    page.element("h2", "Mechanism and phases");
    page.element(
        "p",
        "A phase reserves its share of the budget when it opens, and gives nothing back.",
        "class",
        "muted");
    table(
        List.of(
            "phase",
            "purpose",
            "sampling",
            "noise σ",
            "clip C",
            "divisor M",
            "reserved ε",
            "reserved δ",
            "rounds"),
        () ->
            report
                .phases()
                .forEach(
                    phase ->
                        row(
                            number(phase.opened().phase()),
                            phase.opened().mechanism().query().purpose(),
                            sampling(phase.opened().mechanism()),
                            number(phase.opened().mechanism().noiseMultiplier()),
                            number(phase.opened().mechanism().clipNorm()),
                            number(phase.opened().mechanism().expectedUnits()),
                            number(phase.opened().epsilon()),
                            number(phase.opened().delta()),
                            "%,d of at most %,d"
                                .formatted(phase.rounds(), phase.opened().maxRounds()))));
  }

  private static String sampling(RoundMechanism mechanism) {
    return mechanism.sampler() == Sampler.ULS
        ? "each user with probability %s, at most %d of the user's examples"
            .formatted(number(mechanism.samplingProbability()), mechanism.groupSize())
        : "each example with probability %s, at most %d in a user's pool"
            .formatted(number(mechanism.samplingProbability()), mechanism.groupSize());
  }

  private void writeReleases() {
    page.element("h2", "Releases");
    List<Checked> releases = report.releases();
    if (releases.isEmpty()) {
      page.element("p", "None is visible yet.", "class", "muted");
      return;
    }
    report
        .newest()
        .ifPresent(
            manifest ->
                page.element(
                    "p",
                    () -> {
                      page.text("Base model " + manifest.baseModel() + ", SHA-256 ");
                      page.element("code", manifest.baseModelDigest());
                    },
                    "class",
                    "muted"));
    int shown = Math.min(RELEASES_SHOWN, releases.size());
    releaseTable(releases.subList(0, shown));
    if (shown < releases.size()) {
      page.element(
          "details",
          () -> {
            page.element("summary", "%,d older releases".formatted(releases.size() - shown));
            releaseTable(releases.subList(shown, releases.size()));
          });
    }
  }

  private void releaseTable(List<Checked> releases) {
    table(
        List.of("release", "ε spent", "weights, SHA-256", "ledger record", "verified"),
        () -> releases.forEach(release -> releaseRow(release, Optional.empty())));
  }

  private void writeCalibrations() {
    page.element("h2", "Calibrations");
    page.element(
        "p",
        "Each was charged like a round, and holds noised numbers but no model.",
        "class",
        "muted");
    table(
        List.of("release", "found", "ε spent", "outcome, SHA-256", "ledger record", "verified"),
        () ->
            report
                .calibrations()
                .forEach(release -> releaseRow(release, Optional.of(found(release)))));
  }

  /** What a calibration measured, and what it led to. */
  private static String found(Checked release) {
    if (!(release.manifest() instanceof CalibrationManifest manifest)) {
      return "–";
    }
    RoundMechanism chosen = manifest.outcome().chosen();
    return chosen == null
        ? String.valueOf(manifest.outcome().measured())
        : "%s: bound %d, clip norm %s, divisor %s"
            .formatted(
                manifest.outcome().measured(),
                chosen.groupSize(),
                number(chosen.clipNorm()),
                number(chosen.expectedUnits()));
  }

  private void releaseRow(Checked release, Optional<String> found) {
    Manifest manifest = release.manifest();
    page.element(
        "tr",
        () -> {
          page.element("td", release.name(), "class", "name");
          found.ifPresent(text -> page.element("td", text));
          page.element("td", manifest == null ? "–" : roundedUp(manifest.epsilonSpent()));
          digest(manifest == null ? "–" : manifest.contentDigest());
          digest(manifest == null ? "–" : manifest.ledgerHash());
          page.element(
              "td",
              release.problems().isEmpty() ? "yes" : "NO: " + String.join("; ", release.problems()),
              "class",
              release.problems().isEmpty() ? "good" : "bad");
        });
  }

  private void digest(String digest) {
    page.element("td", () -> page.element("code", digest, "class", "digest"));
  }

  private void table(List<String> head, Markup.Content rows) {
    page.element(
        "div",
        () ->
            page.element(
                "table",
                () -> {
                  page.element(
                      "thead",
                      () ->
                          page.element("tr", () -> head.forEach(name -> page.element("th", name))));
                  page.element("tbody", rows);
                }),
        "class",
        "wide");
  }

  private void row(String... cells) {
    page.element(
        "tr",
        () -> {
          for (String cell : cells) {
            page.element("td", cell);
          }
        });
  }

  /** Four decimals, never below the true value. */
  private static String roundedUp(double epsilon) {
    return String.format(Locale.ROOT, "%.4f", Math.ceil(epsilon * 1e4) / 1e4);
  }

  private static String number(double value) {
    return value == Math.rint(value) && Math.abs(value) < 1e15
        ? Long.toString((long) value)
        : Math.abs(value) < 1e-3
            ? Double.toString(value)
            : String.format(Locale.ROOT, "%.4g", value);
  }

  private static String inWords(Duration duration) {
    if (duration.toDays() >= 3) {
      return "%,d days".formatted(duration.toDays());
    }
    if (duration.toHours() >= 3) {
      return "%d hours".formatted(duration.toHours());
    }
    return duration.toMinutes() >= 3
        ? "%d minutes".formatted(duration.toMinutes())
        : "%d seconds".formatted(duration.toSeconds());
  }
}
