package io.murmuration.chart;

import java.util.ArrayList;
import java.util.List;
import java.util.Locale;

/**
 * One axis: the range that it spans, its ticks, and where on it a value lies.
 *
 * @param low where it begins
 * @param high where it ends, above {@code low}
 * @param ticks ascending, within the range
 * @param scale how values are spread
 */
record Axis(double low, double high, List<Double> ticks, Scale scale) {

  /** The number of ticks that is wanted, more or less. */
  private static final int TICKS = 5;

  /** A range of more decades than this is labelled at powers of ten only. */
  private static final double FINE_DECADES = 2.5;

  /** The part of a logarithmic axis that is left free at either end, so that no marker is cut. */
  private static final double MARGIN = 0.03;

  /** How values are spread over an axis. */
  public enum Scale {
    /** Values are placed evenly, beginning at 0. */
    FROM_ZERO,
    /** Values are placed evenly, and the axis covers just them. */
    AROUND_VALUES,
    /** Places values by their logarithms; they are positive. */
    LOGARITHMIC
  }

  /** An axis of round numbers around a range. */
  static Axis around(double low, double high, Scale scale) {
    return switch (scale) {
      case FROM_ZERO -> even(0, high, scale);
      case AROUND_VALUES -> even(low, high, scale);
      case LOGARITHMIC -> logarithmic(low, high);
    };
  }

  private static Axis even(double low, double high, Scale scale) {
    double span = high > low ? high - low : Math.max(1e-9, Math.abs(high));
    double raw = span / TICKS;
    double power = Math.pow(10, Math.floor(Math.log10(raw)));
    double fraction = raw / power;
    double step = power * (fraction <= 1 ? 1 : fraction <= 2 ? 2 : fraction <= 5 ? 5 : 10);
    double from = Math.floor(low / step + 1e-9) * step;
    double to = Math.max(from + step, Math.ceil(high / step - 1e-9) * step);
    List<Double> ticks = new ArrayList<>();
    int count = (int) Math.round((to - from) / step);
    for (int i = 0; i <= count; i++) {
      ticks.add(from + i * step);
    }
    return new Axis(from, to, List.copyOf(ticks), scale);
  }

  private static Axis logarithmic(double low, double high) {
    double slack = high > low ? Math.pow(high / low, MARGIN) : 1.1;
    double from = low / slack;
    double to = high * slack;
    boolean fine = Math.log10(to / from) <= FINE_DECADES;
    List<Double> ticks = new ArrayList<>();
    for (int decade = (int) Math.floor(Math.log10(from)); Math.pow(10, decade) <= to; decade++) {
      for (int digit : fine ? new int[] {1, 2, 5} : new int[] {1}) {
        double tick = digit * Math.pow(10, decade);
        if (tick >= from * (1 - 1e-9) && tick <= to * (1 + 1e-9)) {
          ticks.add(tick);
        }
      }
    }
    if (ticks.size() < 2) {
      ticks = new ArrayList<>(List.of(from, to));
    }
    return new Axis(from, to, List.copyOf(ticks), Scale.LOGARITHMIC);
  }

  /** Says where a value lies: 0 at the axis' beginning, 1 at its end. */
  double position(double value) {
    return scale == Scale.LOGARITHMIC
        ? Math.log(value / low) / Math.log(high / low)
        : (value - low) / (high - low);
  }

  /** A tick as text, with as many decimals as neighbours need to differ. */
  String label(double tick) {
    if (scale == Scale.LOGARITHMIC) {
      return tick >= 1e-3 && tick < 1e6
          ? plain(tick)
          : String.format(Locale.ROOT, "%.0e", tick).replace("e+", "e").replace("e-0", "e-");
    }
    double step = ticks.get(1) - ticks.get(0);
    int decimals = (int) Math.max(0, -Math.floor(Math.log10(step) + 1e-9));
    return String.format(Locale.ROOT, "%,." + decimals + "f", tick);
  }

  private static String plain(double tick) {
    int decimals = (int) Math.max(0, 1 - Math.floor(Math.log10(tick) + 1e-9));
    String text = String.format(Locale.ROOT, "%,." + decimals + "f", tick);
    return text.contains(".") ? text.replaceAll("0+$", "").replaceAll("\\.$", "") : text;
  }
}
