package io.murmuration.privacy.budget;

import io.murmuration.privacy.mechanism.Checks;
import java.io.Serializable;

/**
 * What the deployer configured of users' lifetimes.
 *
 * @param generations how many of them the budget is for, an equal share each, at least 1; fixed at
 *     genesis
 * @param newGeneration the generation that should be open, which is opened if the one before it is;
 *     null for whichever is open
 * @param idKey fingerprint of the key under which users are counted
 */
public record HorizonTerms(int generations, Integer newGeneration, String idKey)
    implements Serializable {
  public HorizonTerms {
    Checks.atLeast("generations", generations, 1);
    if (newGeneration != null) {
      Checks.atLeast("new generation", newGeneration, 1);
    }
    Checks.text("fingerprint of the key of ids", idKey);
  }
}
