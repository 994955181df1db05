package io.murmuration.release;

import io.murmuration.privacy.mechanism.PublicClock;
import java.util.Collections;
import java.util.SortedMap;
import java.util.TreeMap;

/**
 * A release as the files that a consumer will see. A function of context and round alone, so that
 * every attempt to publish it writes the same bytes.
 *
 * @param name of its directory
 * @param files by name
 * @param manifest the one among the files
 * @param publicMillis what the files are dated: when the tick of their round began, in milliseconds
 *     since 1970; 0 where that is not known
 */
public record ReleaseFiles(
    String name, SortedMap<String, byte[]> files, Manifest manifest, long publicMillis) {

  private static final String NAME_PREFIX = "round-";
  private static final String CALIBRATION_PREFIX = "calibration-";

  public ReleaseFiles {
    files = Collections.unmodifiableSortedMap(new TreeMap<>(files));
  }

  /** Lays a release out: a model, or the outcome of a calibration. */
  public static ReleaseFiles of(ReleaseContext context, RoundRelease release) {
    ReleaseContext started = context.startedAt(release.startingPoint());
    return release.grant().mechanism().query().isCalibration()
        ? calibration(started, release)
        : model(started, release);
  }

  private static ReleaseFiles calibration(ReleaseContext context, RoundRelease release) {
    CalibrationManifest manifest =
        CalibrationManifest.of(context, release.grant(), release.weights());
    SortedMap<String, byte[]> files = new TreeMap<>();
    files.put(CalibrationOutcome.FILE, release.weights());
    files.put(Manifest.FILE, manifest.write());
    files.put(
        PrivacyStatement.FILE,
        PrivacyStatement.writeCalibration(context, release.grant(), manifest.outcome()));
    return new ReleaseFiles(
        calibrationNameOf(release.grant().round()), files, manifest, publicMillis(release));
  }

  private static ReleaseFiles model(ReleaseContext context, RoundRelease release) {
    ReleaseManifest manifest =
        ReleaseManifest.of(context, release.grant(), Digests.ofFile(release.weights()));
    SortedMap<String, byte[]> files = new TreeMap<>(context.format().companions());
    files.put(context.format().weightsFile(), release.weights());
    files.put(Manifest.FILE, manifest.write());
    files.put(PrivacyStatement.FILE, PrivacyStatement.write(context, release.grant()));
    return new ReleaseFiles(
        nameOf(release.grant().round()), files, manifest, publicMillis(release));
  }

  private static long publicMillis(RoundRelease release) {
    PublicClock clock = release.grant().clock();
    return clock.isKnown() ? clock.millisOf(release.grant().tick()) : 0;
  }

  /** The directory's name of a round's release; names sort by round. */
  public static String nameOf(long round) {
    return "%s%08d".formatted(NAME_PREFIX, round);
  }

  /** The directory's name of a calibration's release; it is none of a round's. */
  public static String calibrationNameOf(long round) {
    return "%s%08d".formatted(CALIBRATION_PREFIX, round);
  }

  /** Whether a release of this name is that of a calibration. */
  public static boolean isCalibration(String name) {
    return name.startsWith(CALIBRATION_PREFIX);
  }

  /** The round of a release's name, see {@link #nameOf} and {@link #calibrationNameOf}. */
  public static long roundOf(String name) {
    return Long.parseLong(name.substring(name.lastIndexOf('-') + 1));
  }
}
