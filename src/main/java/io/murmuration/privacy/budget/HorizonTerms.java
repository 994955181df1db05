package io.murmuration.privacy.budget;

import io.murmuration.privacy.mechanism.Checks;
import java.io.Serializable;
import java.util.Collections;
import java.util.SortedMap;
import java.util.TreeMap;

/**
 * What the deployer configured of users' lifetimes.
 *
 * @param generations how many of them the budget is for, an equal share each, at least 1; fixed at
 *     genesis
 * @param newGeneration the generation that should be open, which is opened if the one before it is;
 *     null for whichever is open
 * @param identity what counting users rests on, by name, see {@link
 *     io.murmuration.privacy.ledger.LedgerRecord.GenerationOpened}
 */
public record HorizonTerms(
    int generations, Integer newGeneration, SortedMap<String, String> identity)
    implements Serializable {
  public HorizonTerms {
    Checks.atLeast("generations", generations, 1);
    if (newGeneration != null) {
      Checks.atLeast("new generation", newGeneration, 1);
    }
    identity = Collections.unmodifiableSortedMap(new TreeMap<>(identity));
  }
}
