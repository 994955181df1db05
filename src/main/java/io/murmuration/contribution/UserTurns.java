package io.murmuration.contribution;

import io.murmuration.event.UserPseudonyms;
import io.murmuration.privacy.mechanism.CorrelatedNoise;
import io.murmuration.privacy.mechanism.Grant;
import java.io.Serializable;
import java.util.Objects;

/**
 * Whose turn a round is where noise is correlated: of each user's rounds every b-th, so that no two
 * lie closer than the noise reaches. All examples of a user have the user's turn, also where each
 * is drawn by itself.
 *
 * <p>A turn is a function of the user's id and of a key that the ledger names, and of nothing that
 * could be lost or come back: the same after restores, erasures and on whatever machine. Which turn
 * a round is follows from how many the ledger has charged in the phase before it, void ones
 * included, as the grant says: never from how many were executed here, nor from ticks, of which any
 * number may pass between two rounds.
 *
 * <p>Turns know nothing of due ticks: who is due in a round that is not theirs is as one whose coin
 * said no, and whose next is thrown.
 */
public final class UserTurns implements Serializable {

  private static final long serialVersionUID = 1L;

  /** Of a job without a key: every round is everybody's, and grants of another kind are refused. */
  public static final UserTurns NONE = new UserTurns(null);

  /** Null where there is no key. */
  private final UserPseudonyms names;

  private UserTurns(UserPseudonyms names) {
    this.names = names;
  }

  /**
   * Turns by a key.
   *
   * @param names under that key
   */
  public static UserTurns of(UserPseudonyms names) {
    return new UserTurns(Objects.requireNonNull(names, "names"));
  }

  /**
   * Whether a round is the user's. Not thread-safe.
   *
   * @param userId what the user is kept under: the id, or where users are counted, its pseudonym
   * @throws IllegalStateException if turns were drawn by another key in the phase of the grant
   */
  public boolean isTurnOf(String userId, Grant grant) {
    CorrelatedNoise noise = grant.mechanism().correlatedNoise();
    if (noise == null) {
      return true;
    }
    String key = names == null ? "none" : names.fingerprint();
    if (!key.equals(noise.turnKey())) {
      throw new IllegalStateException(
          "the turns of round %d must be drawn by the key %s, which the ledger's phase %d names, but this job's key is %s; start it with that key"
              .formatted(grant.round(), noise.turnKey(), grant.phase(), key));
    }
    return noise.turnOf(names.hash(userId)) == noise.turnIn(grant.roundInPhase());
  }
}
