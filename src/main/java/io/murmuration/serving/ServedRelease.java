package io.murmuration.serving;

import io.murmuration.release.Guarantee;
import io.murmuration.release.ReleaseManifest;

/**
 * A release that the ledger covers, and that is served or was.
 *
 * @param name its name in the store
 * @param manifest what it says, all of which was checked
 * @param digest SHA-256 of all its files, see {@link io.murmuration.release.Digests#ofRelease}
 */
public record ServedRelease(String name, ReleaseManifest manifest, String digest) {

  /** Digits of a digest that tell releases apart. */
  private static final int DIGEST_SHOWN = 12;

  /** Its round in the ledger. */
  public long round() {
    return manifest.round();
  }

  /** Name, privacy spent and digest, for people. */
  public String inWords() {
    return "%s: epsilon %s, delta %s, SHA-256 %s"
        .formatted(
            name,
            Guarantee.epsilonRoundedUp(manifest.epsilonSpent()),
            manifest.delta(),
            digest.substring(0, DIGEST_SHOWN));
  }
}
