package io.murmuration.report;

import gg.jte.output.StringOutput;
import io.murmuration.chart.Templates;
import java.util.Map;

/**
 * A report as one HTML page that needs nothing else: no network, no script, no font.
 *
 * <p>Whatever comes from the ledger or from a release is escaped, and the page's own policy forbids
 * it to load anything.
 */
public final class ReportPage {

  private ReportPage() {}

  /** The page's text, to be written as UTF-8. */
  public static String of(RunReport report) {
    StringOutput page = new StringOutput();
    Templates.render("page.jte", Map.of("view", ReportView.of(report)), page);
    return Words.printable(page.toString());
  }
}
