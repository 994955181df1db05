package io.murmuration.training;

import io.murmuration.privacy.mechanism.ModelVersion;
import java.io.IOException;
import java.io.Serializable;

/**
 * The way of the parameters from train to its workers, beside the graph: train puts those of every
 * executed round, workers take what a {@link ModelVersion} names. They are noisy, so that whoever
 * reads them learns no more than from releases.
 *
 * <p>Values are named by submission, epoch, round and digest, so that no attempt ever overwrites,
 * or takes for its own, what another one put.
 */
public interface ParameterStore {

  /**
   * The name of values in the store.
   *
   * @param submission of the job that put them
   * @param epoch of its attempt
   * @param round after which they are; {@link #FROZEN} for what no round changes
   * @param digest SHA-256, lower-case hexadecimal
   */
  record Key(String submission, long epoch, long round, String digest) {

    /** Stands in the place of a round. */
    static final long FROZEN = -1;

    /** The trained parameters of a version. */
    public static Key ofParameters(ModelVersion version) {
      return new Key(version.submission(), version.epoch(), version.round(), version.digest());
    }

    /** What is frozen in a version. */
    public static Key ofFrozen(ModelVersion version) {
      return new Key(version.submission(), version.epoch(), FROZEN, version.frozenDigest());
    }

    /**
     * Whether a version makes these values needless: those of earlier epochs, and those of earlier
     * rounds of its own attempt. What a later epoch or another job in the same one needs is never
     * among them, whoever lives on after another took over.
     */
    boolean isSupersededBy(ModelVersion version) {
      return epoch < version.epoch()
          || (epoch == version.epoch()
              && submission.equals(version.submission())
              && round != FROZEN
              && round < version.round());
    }
  }

  /**
   * Keeps values; what is there under the same name already is the same.
   *
   * @param values nobody may write into them afterwards
   * @throws IOException if the store is out of reach; one may try again
   */
  void put(Key key, float[] values) throws IOException;

  /**
   * What is kept under a name; the caller compares it with the digest.
   *
   * @return not to be written into
   * @throws IOException if it is not there, or not there yet; one may try again
   */
  float[] get(Key key) throws IOException;

  /** Deletes what a version makes needless. */
  void deleteSuperseded(ModelVersion version) throws IOException;

  /** Opens the store wherever a task runs. */
  @FunctionalInterface
  interface Factory extends Serializable {
    ParameterStore open();
  }
}
