package io.murmuration.demo;

import io.murmuration.privacy.accounting.StatedEpsilon;
import java.io.PrintWriter;
import java.util.Locale;

/**
 * Shows how far training is: one line that is redrawn on a terminal, one line for each state
 * elsewhere. Not thread-safe.
 */
public final class ProgressDisplay {
  private static final int BAR_CELLS = 20;
  private static final char CARRIAGE_RETURN = '\r';

  private final PrintWriter out;
  private final boolean terminal;
  private final long totalRounds;
  private final double epsilonBudget;
  private int drawnLength;
  private String lastLine = "";

  /**
   * What is shown.
   *
   * @param round rounds executed
   * @param epsilonSpent cumulative ε of the ledger
   * @param heldOutLoss nats per token on public held-out text; NaN as long as it is unknown
   * @param releases checkpoints that were published
   */
  public record State(long round, double epsilonSpent, double heldOutLoss, long releases) {}

  /**
   * @param terminal whether {@code out} understands a carriage return
   * @param totalRounds rounds that the run is planned for, above 0
   * @param epsilonBudget ε that the run may spend
   */
  public ProgressDisplay(
      PrintWriter out, boolean terminal, long totalRounds, double epsilonBudget) {
    if (totalRounds < 1) {
      throw new IllegalArgumentException("at least one round is required, not " + totalRounds);
    }
    this.out = out;
    this.terminal = terminal;
    this.totalRounds = totalRounds;
    this.epsilonBudget = epsilonBudget;
  }

  /** Shows a state, if it looks different from the one shown. */
  public void show(State state) {
    String line = render(state);
    if (line.equals(lastLine)) {
      return;
    }
    lastLine = line;
    if (terminal) {
      // Blanks cover what remains of a longer line.
      String padding = " ".repeat(Math.max(0, drawnLength - line.length()));
      out.print(CARRIAGE_RETURN + line + padding);
      drawnLength = line.length();
    } else {
      out.println(line);
    }
    out.flush();
  }

  /** Prints a line of its own; the progress line is redrawn below it by the next state. */
  public void message(String message) {
    finish();
    out.println(message);
    out.flush();
  }

  /** Ends the progress line, so that other output starts on a new one. */
  public void finish() {
    if (drawnLength > 0) {
      out.println();
      out.flush();
    }
    drawnLength = 0;
    lastLine = "";
  }

  private String render(State state) {
    StringBuilder line = new StringBuilder();
    if (terminal) {
      int filled = (int) Math.min(BAR_CELLS, state.round() * BAR_CELLS / totalRounds);
      line.append('[').append("#".repeat(filled)).append(".".repeat(BAR_CELLS - filled));
      line.append("] ");
    }
    line.append(
        String.format(
            Locale.ROOT,
            "round %d of %d  epsilon %s of %s",
            state.round(),
            totalRounds,
            StatedEpsilon.text(state.epsilonSpent(), /* decimals= */ 3),
            compact(epsilonBudget)));
    if (!Double.isNaN(state.heldOutLoss())) {
      line.append(String.format(Locale.ROOT, "  held-out loss %.3f", state.heldOutLoss()));
    }
    return line.append("  releases ").append(state.releases()).toString();
  }

  /** Without a fraction that is zero. */
  private static String compact(double value) {
    return value == Math.rint(value)
        ? String.format(Locale.ROOT, "%.0f", value)
        : String.valueOf(value);
  }
}
