package io.murmuration.release;

import java.io.IOException;
import java.io.Serializable;
import java.time.Instant;
import java.util.List;
import java.util.Optional;
import java.util.SortedMap;

/**
 * Keeps releases, in two phases: staged inside the trust boundary, then made visible.
 *
 * <p>Contract: {@link #stage} is durable when it returns, and staging the same release again is
 * harmless. {@link #commit} makes a release visible as a whole or not at all, and may be repeated.
 * Used by one thread at a time; writer and committer may each have their own instance on the same
 * place.
 */
public interface ModelStore {

  /** Opens a store where it is used; travels with the job graph. */
  @FunctionalInterface
  interface Provider extends Serializable {

    /** Opens the store; creates what is missing. */
    ModelStore open() throws IOException;

    /**
     * Opens the store where a restore says that it is there already.
     *
     * @throws IOException if it is not; a new one is never begun in its place
     */
    default ModelStore reopen() throws IOException {
      return open();
    }
  }

  /** How a commit that did not fail ended. */
  enum Outcome {
    /** The release is visible now. */
    PUBLISHED,
    /** The same bytes were visible before. */
    ALREADY_PUBLISHED
  }

  /**
   * A release that waits for its commit.
   *
   * @param store id of the store in which it was staged; empty where an earlier version staged it
   * @param name the release's name
   * @param digest of its files, see {@link Digests#ofRelease}; name and digest together find it
   */
  record Staged(String store, String name, String digest) {}

  /** Tells this store from any other that may be found in its place. */
  String id();

  /**
   * Writes a release where no consumer looks.
   *
   * @throws IOException if it could not be made durable; nothing half-written is taken for staged
   */
  Staged stage(ReleaseFiles release) throws IOException;

  /**
   * Makes a staged release visible.
   *
   * @throws ReleaseConflictException if the name is taken by other bytes; repeating does not help
   * @throws ReleaseLostException if certainly neither staged nor visible; repeating does not help
   * @throws IOException if it could not be done now, for example since the store is not there
   */
  Outcome commit(Staged staged) throws IOException;

  /** Names of the visible releases of models in ascending order. */
  List<String> published() throws IOException;

  /** Names of the visible outcomes of calibrations in ascending order. */
  List<String> calibrations() throws IOException;

  /**
   * The files of a visible release.
   *
   * @throws IOException if there is no such release or it cannot be read
   */
  SortedMap<String, byte[]> read(String name) throws IOException;

  /**
   * One file of a visible release, without a look at the others: weights are large, manifests are
   * not.
   *
   * @return empty if the release has no such file
   * @throws IOException if there is no such release or the file cannot be read
   */
  Optional<byte[]> read(String name, String file) throws IOException;

  /**
   * Takes a visible release away, as a whole. Its round stays charged: no budget comes back.
   *
   * @throws IOException if there is no such release or it cannot be removed
   */
  void remove(String name) throws IOException;

  /**
   * Removes what was staged so long ago and never became visible: releases of rounds that were
   * rolled back. Their commits may still be in checkpoints and savepoints of that time; a restore
   * from one would then report the release as lost.
   *
   * @param before staged before then, by the clock of what keeps the store
   * @return the names under which they were staged
   * @throws IOException if the store is not there, or they cannot be removed
   */
  List<String> removeStaged(Instant before) throws IOException;
}
