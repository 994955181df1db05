package io.murmuration.release;

/** What a release says about itself, of whatever kind it is: {@code manifest.json}. */
public sealed interface Manifest permits ReleaseManifest, CalibrationManifest {

  /** The privacy domain whose budget is spent. */
  String domain();

  /** The round of the ledger. */
  long round();

  /** The epoch that charged it. */
  long epoch();

  /** Its public time. */
  long tick();

  /** The phase of the ledger. */
  int phase();

  /** What the round did. */
  ReleaseManifest.Mechanism mechanism();

  /** ε of the domain after this round, at {@link #delta}. */
  double epsilonSpent();

  /** δ of that ε. */
  double delta();

  /** The guarantee in a sentence. */
  String statement();

  /** Hash of the ledger's record of the charge. */
  String ledgerHash();

  /** Name of the directory that a release with this manifest has. */
  String releaseName();

  /** The file that was released: weights, or the outcome of a calibration. */
  String contentFile();

  /** SHA-256 of that file. */
  String contentDigest();

  /** The file's bytes, UTF-8. */
  byte[] write();
}
