package io.murmuration.privacy.accounting;

/**
 * The cost of a phase that never ends, of which nobody's words can influence more than so many
 * rounds: that of so many rounds of a phase that does end.
 *
 * <p>For one user, the rounds that the user's words can influence are a function of the user's
 * events, public time and what was released before; there are at most H of them, and each is
 * dominated by the same pair. So everything that is ever released is dominated by that pair
 * composed H times, and what is released up to round r of the phase by min(r, H) of it. The proof
 * is in {@code docs/horizons.md}; that each user takes part in at most H rounds is for the sampler
 * to enforce.
 *
 * <p>Thread-safe if the other is.
 */
public final class LifetimeAccountant implements PhaseAccountant {

  private final PhaseAccountant rounds;
  private final long horizon;
  private final boolean covered;

  /**
   * An accountant; proving what another version's accountant admitted may take seconds.
   *
   * @param rounds of a phase with the same mechanism and the same share
   * @param horizon H: the most rounds that one user's words can influence, at least 1
   */
  public LifetimeAccountant(PhaseAccountant rounds, long horizon) {
    Arguments.rounds(horizon, 1);
    this.rounds = rounds;
    this.horizon = horizon;
    this.covered = rounds.covers(horizon);
  }

  @Override
  public double delta() {
    return rounds.delta();
  }

  @Override
  public double reservedEpsilon() {
    return rounds.reservedEpsilon();
  }

  /** ε of what a user can have taken part in. */
  @Override
  public double epsilonAfter(long charged) {
    long counted = Math.min(charged, horizon);
    if (charged > affordableRounds()) {
      throw new IllegalArgumentException(
          "what is reserved does not cover a lifetime of " + horizon + " rounds");
    }
    // a lifetime that another version admitted may be proven and yet not be afforded here
    return counted <= rounds.affordableRounds()
        ? rounds.epsilonAfter(counted)
        : rounds.reservedEpsilon();
  }

  /** No end, if the share covers a lifetime; otherwise 0. */
  @Override
  public long affordableRounds() {
    return covered ? Long.MAX_VALUE : 0;
  }

  @Override
  public boolean covers(long charged) {
    return covered;
  }

  @Override
  public boolean proves(long charged, double epsilon) {
    return rounds.proves(Math.min(charged, horizon), epsilon);
  }
}
