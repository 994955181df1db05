package io.murmuration.training;

import io.murmuration.privacy.mechanism.ModelVersion;
import io.murmuration.training.ParameterStore.Key;
import java.io.IOException;

/**
 * Puts the model of an attempt where its workers find it, and knows which one that is: what comes
 * back from workers counts only if it was taken at that one.
 *
 * <p>An attempt of a job announces in its own epoch alone, so that the parameters of one that is
 * dead never meet a grant of one that lives. Used by one thread.
 */
public final class ModelAnnouncer {

  private final ParameterStore store;
  private final String submission;
  private TrainerState announced;
  private ModelVersion version;

  /**
   * @param submission of this job, as the privacy budget knows it
   */
  public ModelAnnouncer(ParameterStore store, String submission) {
    this.store = store;
    this.submission = submission;
  }

  /**
   * Makes a state the model that gradients are taken at, and deletes what it supersedes.
   *
   * @return what to announce; the same version as before if the parameters are the same
   * @throws IOException if the store is out of reach; one may try again
   */
  public ModelVersion put(long epoch, TrainerState state) throws IOException {
    if (version != null
        && version.epoch() == epoch
        && announced.parameters() == state.parameters()) {
      return version;
    }
    ModelVersion next =
        new ModelVersion(
            submission,
            epoch,
            state.round(),
            ParameterDigest.of(state.parameters()),
            ParameterDigest.of(state.origin().frozen()));
    store.put(Key.ofFrozen(next), state.origin().frozen());
    store.put(Key.ofParameters(next), state.parameters());
    store.deleteSuperseded(next);
    announced = state;
    version = next;
    return next;
  }

  /**
   * Checks where gradients were taken.
   *
   * @throws IllegalStateException if at another model than the one that was announced last
   */
  public void requireCurrent(PartialSums.RoundSum sum) {
    if (version == null || !sum.modelDigest().equals(version.digest())) {
      throw new IllegalStateException(
          "the gradients of round %d must be taken at the model announced last, %s, but were at one with digest %s"
              .formatted(sum.grant().round(), version, sum.modelDigest()));
    }
  }
}
