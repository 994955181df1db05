package io.murmuration.demo;

import io.murmuration.demo.LossTracker.Measurement;
import io.murmuration.job.ConfiguredMechanism;
import io.murmuration.privacy.ledger.ChargeHistory;
import io.murmuration.privacy.ledger.FileLedger;
import io.murmuration.privacy.ledger.Ledger;
import io.murmuration.privacy.ledger.LedgerException;
import io.murmuration.release.DirectoryModelStore;
import io.murmuration.release.ReleaseAudit;
import io.murmuration.report.HeldOutLosses;
import io.murmuration.report.ReportPage;
import io.murmuration.report.RunReport;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.util.List;
import java.util.Optional;

/** The page about a demo that anybody may see, and the losses beside it. */
final class DemoReport {

  private static final String PAGE = "report.html";

  private final DemoSettings settings;
  private final DemoWorld world;

  DemoReport(DemoSettings settings, DemoWorld world) {
    this.settings = settings;
    this.world = world;
  }

  /**
   * Writes both. Losses stand on the page only where the text is public. An earlier demo's losses
   * on the same text are kept.
   *
   * @return the page
   */
  Path write(List<Measurement> measurements)
      throws IOException, LedgerException, InterruptedException {
    HeldOutLosses losses = losses(measurements);
    losses.write(settings.out().resolve(HeldOutLosses.FILE));
    Path page = settings.out().resolve(PAGE);
    try (Ledger ledger = new FileLedger(settings.ledgerFile())) {
      RunReport report =
          RunReport.of(
              ChargeHistory.of(ledger.read(), ledger.location(), ConfiguredMechanism::accountant),
              new ReleaseAudit(DirectoryModelStore.reading(settings.releases())),
              Optional.of(losses),
              RunReport.Audience.PUBLIC,
              Instant.now());
      Files.writeString(page, ReportPage.of(report));
    }
    return page;
  }

  private HeldOutLosses losses(List<Measurement> measurements) throws IOException {
    String text =
        world.stream().isPresent()
            ? "made-up sentences, half of them of the trend"
            : "messages of %,d held-out users of %s"
                .formatted(settings.heldOutUsers(), settings.events().getFileName());
    boolean publicText = world.stream().isPresent() || settings.heldOutPublic();
    HeldOutLosses losses = new HeldOutLosses(text, publicText, List.of());
    Path file = settings.out().resolve(HeldOutLosses.FILE);
    if (Files.exists(file)) {
      HeldOutLosses before = HeldOutLosses.read(file);
      if (before.text().equals(text)) {
        losses = losses.with(before.points());
      }
    }
    return losses.with(
        measurements.stream()
            .map(measured -> new HeldOutLosses.Point(measured.round(), measured.loss()))
            .toList());
  }
}
