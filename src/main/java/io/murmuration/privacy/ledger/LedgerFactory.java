package io.murmuration.privacy.ledger;

import java.io.Serializable;

/** Configuration of a ledger, as it travels in the job graph. */
@FunctionalInterface
public interface LedgerFactory extends Serializable {

  /** A ledger that has not been opened yet. Does not touch the file or the network. */
  Ledger create();
}
