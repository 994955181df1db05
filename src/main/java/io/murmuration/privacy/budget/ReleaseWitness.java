package io.murmuration.privacy.budget;

import java.io.IOException;
import java.io.Serializable;
import java.util.List;

/** What published releases say about the ledger; they outlive both it and the job's state. */
@FunctionalInterface
public interface ReleaseWitness extends Serializable {

  /** No releases to ask. */
  ReleaseWitness NONE = List::of;

  /**
   * Hashes of ledger entries that visible releases of the domain name. A ledger that lacks one of
   * them has lost its tail, and the charges in it, and is refused.
   *
   * @throws IOException if the releases cannot be read now
   */
  List<String> ledgerHashes() throws IOException;

  /** Those among the hashes that the release where training is configured to begin names. */
  default List<String> startingPoint() {
    return List.of();
  }
}
