package io.murmuration.release;

import java.io.IOException;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.SortedMap;
import java.util.stream.Stream;

/** What a store's visible releases say. {@link ReleaseAudit} checks whether that is sound. */
public final class ReleaseCatalog {

  private final ModelStore store;

  /** A catalog of one store. */
  public ReleaseCatalog(ModelStore store) {
    this.store = store;
  }

  /** Names of the releases of models in ascending order of their rounds. */
  public List<String> names() throws IOException {
    return store.published();
  }

  /** Names of all releases, of models and of calibrations, in ascending order of their rounds. */
  public List<String> allNames() throws IOException {
    return Stream.concat(store.published().stream(), store.calibrations().stream())
        .sorted(Comparator.comparingLong(ReleaseFiles::roundOf))
        .toList();
  }

  /**
   * The manifest of a model's release.
   *
   * @throws IOException if there is no such release, or its manifest is missing or damaged
   */
  public ReleaseManifest manifest(String name) throws IOException {
    Manifest manifest = anyManifest(name);
    if (manifest instanceof ReleaseManifest model) {
      return model;
    }
    throw new IOException("release %s is a calibration and holds no model".formatted(name));
  }

  /**
   * The manifest of a release of whatever kind.
   *
   * @throws IOException if there is no such release, or its manifest is missing or damaged
   */
  public Manifest anyManifest(String name) throws IOException {
    return parse(name, store.read(name, Manifest.FILE).orElse(null));
  }

  /**
   * Checks that a domain may publish here: that the newest release, if there is one, is its own.
   *
   * @throws IOException if it is not, or cannot be read
   */
  public void requireDomain(String domain) throws IOException {
    List<String> names = allNames();
    if (names.isEmpty()) {
      return;
    }
    String found = anyManifest(names.get(names.size() - 1)).domain();
    if (!found.equals(domain)) {
      throw new IOException(
          "the model store holds releases of the privacy domain %s, but this job publishes for %s; give each domain a store of its own"
              .formatted(found, domain));
    }
  }

  /**
   * Hashes of the ledger's records that the domain's releases name, in the order of their rounds: a
   * ledger that lacks one has lost its tail.
   *
   * @throws IOException if a manifest cannot be read
   */
  public List<String> ledgerHashes(String domain) throws IOException {
    List<String> hashes = new ArrayList<>();
    for (String name : allNames()) {
      Manifest manifest = anyManifest(name);
      if (manifest.domain().equals(domain)) {
        hashes.add(manifest.ledgerHash());
      }
    }
    return hashes;
  }

  static Manifest manifestIn(String name, SortedMap<String, byte[]> files) throws IOException {
    return parse(name, files.get(Manifest.FILE));
  }

  private static Manifest parse(String name, byte[] json) throws IOException {
    if (json == null) {
      throw new IOException("release %s has no %s".formatted(name, Manifest.FILE));
    }
    try {
      return ReleaseFiles.isCalibration(name)
          ? CalibrationManifest.read(json)
          : ReleaseManifest.read(json);
    } catch (IOException e) {
      throw new IOException(
          "the manifest of release %s is damaged: %s".formatted(name, e.getMessage()), e);
    }
  }
}
