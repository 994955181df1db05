package io.murmuration.terminal;

import java.io.FilterInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.PrintWriter;
import java.time.Duration;
import me.tongfei.progressbar.ProgressBar;
import me.tongfei.progressbar.ProgressBarBuilder;
import me.tongfei.progressbar.ProgressBarConsumer;
import me.tongfei.progressbar.ProgressBarStyle;

/**
 * How far something is: a bar that is redrawn on a terminal; elsewhere a plain line now and then,
 * without escapes or carriage returns, so that a log stays readable.
 *
 * <p>A bar has a thread of its own that draws it. One bar at a time.
 */
public final class Progress implements AutoCloseable {

  /** Fits most terminals without wrapping. */
  private static final int WIDTH = 110;

  /** Five times a second looks alive. */
  private static final Duration REDRAW = Duration.ofMillis(200);

  /** Without a terminal there are plain lines: six a minute. */
  private static final Duration LINE = Duration.ofSeconds(10);

  private final ProgressBar bar;

  private final PrintWriter out;
  private final boolean terminal;

  private Progress(ProgressBar bar, PrintWriter out, boolean terminal) {
    this.bar = bar;
    this.out = out;
    this.terminal = terminal;
  }

  /**
   * Begins to show.
   *
   * @param task its name
   * @param steps how many there are
   * @param out where it is shown
   * @param terminal whether {@code out} is one
   */
  public static Progress of(String task, long steps, PrintWriter out, boolean terminal) {
    return new Progress(builder(task, steps, out, terminal).build(), out, terminal);
  }

  /**
   * Shows how much of an input was read.
   *
   * @param bytes how long it is; −1 where that is not known
   */
  public static InputStream ofReading(
      InputStream input, String task, long bytes, PrintWriter out, boolean terminal) {
    InputStream shown =
        ProgressBar.wrap(input, builder(task, bytes, out, terminal).setUnit(" KiB", 1 << 10));
    return new FilterInputStream(shown) {
      @Override
      public int read(byte[] target, int offset, int length) throws IOException {
        return in.read(target, offset, length);
      }

      @Override
      public void close() throws IOException {
        super.close();
        if (terminal) {
          out.println();
          out.flush();
        }
      }
    };
  }

  private static ProgressBarBuilder builder(
      String task, long steps, PrintWriter out, boolean terminal) {
    ProgressBarBuilder builder =
        new ProgressBarBuilder()
            .setTaskName(task)
            .setInitialMax(steps)
            .setStyle(ProgressBarStyle.ASCII)
            .setMaxRenderedLength(WIDTH);
    Duration interval = terminal ? REDRAW : LINE;
    return builder
        .setUpdateIntervalMillis((int) interval.toMillis())
        .setConsumer(terminal ? new Redrawn(out) : new Lines(out));
  }

  /** One line, drawn over itself. */
  private record Redrawn(PrintWriter out) implements ProgressBarConsumer {
    @Override
    public int getMaxRenderedLength() {
      return WIDTH;
    }

    @Override
    public void accept(String line) {
      out.print("\r" + line);
      out.flush();
    }

    @Override
    public void close() {
      // whoever closes the bar ends the line: the bar's own thread may come to this later
      out.flush();
    }
  }

  /** A line each time. */
  private record Lines(PrintWriter out) implements ProgressBarConsumer {
    @Override
    public int getMaxRenderedLength() {
      return WIDTH;
    }

    @Override
    public void accept(String line) {
      out.println(line.stripTrailing());
      out.flush();
    }

    @Override
    public void close() {
      out.flush();
    }
  }

  /** Says how many steps are done. */
  public void stepTo(long steps) {
    bar.stepTo(steps);
  }

  /** What else stands beside the bar. */
  public void note(String note) {
    bar.setExtraMessage(note);
  }

  /** Shows the last state and ends the line. */
  @Override
  public void close() {
    bar.close();
    if (terminal) {
      out.println();
      out.flush();
    }
  }
}
