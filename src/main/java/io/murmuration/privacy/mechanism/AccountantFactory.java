package io.murmuration.privacy.mechanism;

import io.murmuration.privacy.accounting.PhaseAccountant;
import java.io.Serializable;

/** Makes the accountant of a phase; as configuration it travels in the job graph. */
@FunctionalInterface
public interface AccountantFactory extends Serializable {

  /**
   * The accountant of one phase.
   *
   * @param mechanism what every round of the phase does
   * @param epsilon ε_i that the phase reserves
   * @param delta δ_i that the phase reserves
   */
  PhaseAccountant create(RoundMechanism mechanism, double epsilon, double delta);
}
