/**
 * What a round does and what it is allowed to do: the mechanism, its query and sampler, and the
 * grant that carries them from the privacy budget to sampler and trainer.
 *
 * <p>Everything here is public and fixed before the round's data is looked at. It knows the
 * accountant, and neither ledger nor budget.
 */
package io.murmuration.privacy.mechanism;
