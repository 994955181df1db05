package io.murmuration.release;

/** What a release says about itself, of whatever kind it is: {@code manifest.json}. */
public sealed interface Manifest permits ReleaseManifest, CalibrationManifest {

  /** The privacy domain whose budget is spent. */
  String domain();

  /** The round of the ledger. */
  long round();

  /** The file's bytes, UTF-8. */
  byte[] write();
}
