package io.murmuration.serving;

import io.murmuration.privacy.ledger.ChargeHistory;
import io.murmuration.privacy.ledger.LedgerException;
import io.murmuration.release.Digests;
import io.murmuration.release.Manifest;
import io.murmuration.release.ModelStore;
import io.murmuration.release.ReleaseAudit;
import io.murmuration.release.ReleaseFiles;
import io.murmuration.release.ReleaseManifest;
import io.murmuration.terminal.OneLine;
import java.io.IOException;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.SortedMap;
import java.util.TreeMap;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Serves the newest release of a store that the ledger covers. Knows no clock and no thread: it
 * looks when it is told to.
 *
 * <p><b>What is served was verified.</b> The files of a release are read once; what {@link
 * ReleaseAudit#check} found sound is what is loaded. So a file that is changed between check and
 * use, or a release whose copying is not over, is never served.
 *
 * <p><b>It only goes forward.</b> A round below the one that is served, the same round with other
 * bytes, and a ledger that no longer holds the charge of what is served are refused: a store that
 * was rolled back, and a ledger that lost its tail.
 *
 * <table>
 * <caption>What a look finds, and what is served then</caption>
 * <tr><td>newer releases</td><td>the newest of them that is sound</td></tr>
 * <tr><td>newer ones, none of them sound</td><td>what was served; each is refused</td></tr>
 * <tr><td>store or ledger out of reach, or the store lists nothing any more</td>
 *     <td>what was served; the store is away</td></tr>
 * <tr><td>an older round as the newest, or another release of the served round</td>
 *     <td>what was served; it is refused</td></tr>
 * </table>
 *
 * <p>A refused release is left alone for 0, 1, 2, 4, … looks, 64 at most, and then looked at again:
 * a copy of a store, or of a ledger, may lag.
 *
 * <p>One thread looks; any number use what is served.
 *
 * @param <M> what a release becomes
 */
public final class ReleaseFollower<M extends Servable> implements AutoCloseable {

  /** Opens the store, which may be away. */
  @FunctionalInterface
  public interface Store {
    /** Opens it for reading. */
    ModelStore open() throws IOException;
  }

  /** Reads the ledger, which may be away. */
  @FunctionalInterface
  public interface Charges {
    /** All charges as they are now. */
    ChargeHistory read() throws IOException, LedgerException, InterruptedException;
  }

  /** Makes something that answers of a release. */
  @FunctionalInterface
  public interface Loader<M> {
    /**
     * Loads a release that was verified.
     *
     * @param files by name, those that were checked
     * @throws IOException if what else it needs is out of reach; one may try again
     * @throws IllegalArgumentException if this release cannot be served
     */
    M load(ServedRelease release, SortedMap<String, byte[]> files) throws IOException;
  }

  /**
   * What a look changed.
   *
   * @param taken the release that is served from now on; empty if it is the same as before
   * @param refused releases that are refused, and were not, or not for that, at the look before
   * @param away why store or ledger could not be looked at; empty if they could
   */
  public record Look(Optional<ServedRelease> taken, List<Refusal> refused, Optional<String> away) {

    public Look {
      refused = List.copyOf(refused);
    }
  }

  /**
   * What is so since the last look.
   *
   * @param served what answers; empty if nothing does yet
   * @param refused all that are refused, in the order of their names
   * @param away why store or ledger could not be looked at; empty if they could
   */
  public record Status(
      Optional<ServedRelease> served, List<Refusal> refused, Optional<String> away) {

    public Status {
      refused = List.copyOf(refused);
    }
  }

  /** Looks that a refused release is left alone for, at most. */
  private static final int LONGEST_PAUSE = 64;

  private static final Logger LOG = LoggerFactory.getLogger(ReleaseFollower.class);

  private final Store stores;
  private final Charges charges;
  private final Loader<M> loader;

  /** Used by whoever looks, alone. */
  private Map<String, Refused> refusals = Map.of();

  /** Used by whoever looks, alone: SHA-256 of the served release's manifest as it was read. */
  private String manifestDigest;

  private final ServedModels<M> models = new ServedModels<>();

  private volatile Status status =
      new Status(Optional.empty(), List.of(), Optional.of("nobody has looked yet"));

  /** A follower that serves nothing until it has looked. */
  public ReleaseFollower(Store stores, Charges charges, Loader<M> loader) {
    this.stores = stores;
    this.charges = charges;
    this.loader = loader;
  }

  /**
   * A refusal and when to look again.
   *
   * @param pause looks that it is still left alone for
   * @param nextPause how many after the next refusal
   */
  private record Refused(Refusal refusal, int pause, int nextPause) {

    Refused resting() {
      return new Refused(refusal, pause - 1, nextPause);
    }
  }

  /** What is served, to be closed after use; empty if nothing is yet. */
  public Optional<ServedModels.Lease<M>> lease() {
    return models.lease();
  }

  /** What is so since the last look. */
  public Status status() {
    return status;
  }

  /** One look's findings. */
  private static final class Findings {
    private final Map<String, Refused> refusals = new TreeMap<>();
    private final List<Refusal> fresh = new ArrayList<>();
    private ServedRelease taken;
    private String away;
  }

  /** Looks once, and serves a newer release if there is one to be served. */
  public Look look() throws InterruptedException {
    Findings findings = new Findings();
    Optional<ServedRelease> before = status.served();
    try {
      look(before, findings);
    } catch (IOException | LedgerException e) {
      findings.away = OneLine.of(e);
    } catch (RuntimeException e) {
      // of a client library: whatever it means, nothing was verified
      LOG.warn("Could not look for a release", e);
      findings.away = OneLine.of(e);
    }
    if (findings.away != null) {
      // what was not looked at again is what it was
      refusals.forEach(findings.refusals::putIfAbsent);
    }
    ServedRelease served = findings.taken != null ? findings.taken : before.orElse(null);
    if (findings.taken != null) {
      findings.refusals.keySet().removeIf(name -> ReleaseFiles.roundOf(name) < served.round());
    }
    refusals = findings.refusals;
    Look look =
        new Look(
            Optional.ofNullable(findings.taken),
            findings.fresh,
            Optional.ofNullable(findings.away));
    status =
        new Status(
            Optional.ofNullable(served),
            refusals.values().stream().map(Refused::refusal).toList(),
            look.away());
    return look;
  }

  private void look(Optional<ServedRelease> served, Findings findings)
      throws IOException, LedgerException, InterruptedException {
    ModelStore store = stores.open();
    List<String> newestFirst = new ArrayList<>(store.published());
    Collections.reverse(newestFirst);
    if (newestFirst.isEmpty()) {
      findings.away =
          served
              .map(release -> "the store lists no release any more, not even " + release.name())
              .orElse("the store holds no release of a model yet");
      return;
    }
    if (served.isPresent()) {
      String newest = newestFirst.get(0);
      requireNotBackwards(served.get(), newest, store)
          .ifPresent(problem -> refuse(findings, newest, List.of(problem)));
    }
    ChargeHistory ledger = null;
    for (String name : newestFirst) {
      if (served.isPresent() && ReleaseFiles.roundOf(name) <= served.get().round()) {
        return;
      }
      Refused refused = refusals.get(name);
      if (refused != null && refused.pause() > 0) {
        findings.refusals.put(name, refused.resting());
        continue;
      }
      // a charge is in the ledger before its release is in the store, so the ledger is read second
      SortedMap<String, byte[]> files = store.read(name);
      try {
        ledger = ledger == null ? charges.read() : ledger;
      } catch (LedgerException.Refused e) {
        refuse(findings, name, List.of(OneLine.of(e)));
        return;
      }
      if (taken(name, files, served, ledger, findings)) {
        return;
      }
    }
  }

  private Optional<String> requireNotBackwards(
      ServedRelease served, String newest, ModelStore store) throws IOException {
    long round = ReleaseFiles.roundOf(newest);
    if (round < served.round()) {
      return Optional.of(
          "it goes backwards: it is the newest in the store, but %s is served"
              .formatted(served.name()));
    }
    if (round == served.round()) {
      byte[] manifest = store.read(newest, Manifest.FILE).orElse(new byte[0]);
      if (!Digests.ofFile(manifest).equals(manifestDigest)) {
        return Optional.of(
            "its manifest is not that of the %s that is served, and no round is released twice"
                .formatted(served.name()));
      }
    }
    return Optional.empty();
  }

  private boolean taken(
      String name,
      SortedMap<String, byte[]> files,
      Optional<ServedRelease> served,
      ChargeHistory ledger,
      Findings findings)
      throws IOException {
    List<String> problems = new ArrayList<>();
    try {
      ReleaseAudit.Checked checked =
          ReleaseAudit.check(name, files, served.map(ServedRelease::manifest), ledger);
      problems.addAll(checked.problems());
      served
          .filter(release -> ledger.withHash(release.manifest().ledgerHash()).isEmpty())
          .ifPresent(
              release ->
                  problems.add(
                      "the ledger does not hold the charge of %s, which is served: its tail is lost, or it is another ledger"
                          .formatted(release.name())));
      if (problems.isEmpty()) {
        ServedRelease release =
            new ServedRelease(name, (ReleaseManifest) checked.manifest(), Digests.ofRelease(files));
        models.replace(release, loader.load(release, files));
        manifestDigest = Digests.ofFile(files.get(Manifest.FILE));
        findings.taken = release;
        return true;
      }
    } catch (RuntimeException e) {
      LOG.info("Release {} cannot be served", name, e);
      problems.add("it cannot be served: " + OneLine.of(e));
    }
    refuse(findings, name, problems);
    return false;
  }

  private void refuse(Findings findings, String name, List<String> problems) {
    Refusal refusal = new Refusal(name, problems);
    Refused before = refusals.get(name);
    int pause = before == null ? 0 : before.nextPause();
    findings.refusals.put(
        name, new Refused(refusal, pause, Math.min(LONGEST_PAUSE, Math.max(1, 2 * pause))));
    if (before == null || !before.refusal().equals(refusal)) {
      findings.fresh.add(refusal);
    }
  }

  /** Serves nothing any more; what is in use is closed when its users are done. */
  @Override
  public void close() {
    models.close();
  }
}
