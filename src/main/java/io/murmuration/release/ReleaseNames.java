package io.murmuration.release;

import java.util.Comparator;
import java.util.regex.Pattern;

/** The names that releases have in a store, whatever it is kept on. */
final class ReleaseNames {

  /** The names of models. */
  static final Pattern MODEL = Pattern.compile("round-\\d{8,}");

  /** Never among the models, so that no consumer of them meets one. */
  static final Pattern CALIBRATION = Pattern.compile("calibration-\\d{8,}");

  /** What waits in staging; the first group is the name that it will have. */
  static final Pattern STAGED = Pattern.compile("((?:round|calibration)-\\d{8,})-[0-9a-f]{64}");

  /** Ascending rounds, of names of one kind. */
  static final Comparator<String> BY_ROUND =
      Comparator.comparingInt(String::length).thenComparing(Comparator.naturalOrder());

  private ReleaseNames() {}

  static boolean isRelease(String name) {
    return MODEL.matcher(name).matches() || CALIBRATION.matcher(name).matches();
  }

  /** Carries the digest of what is in it, so that attempts never mix. */
  static String staged(ModelStore.Staged staged) {
    return staged.name() + "-" + staged.digest();
  }
}
