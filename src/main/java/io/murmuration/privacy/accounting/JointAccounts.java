package io.murmuration.privacy.accounting;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;

/**
 * What a reservation for choices costs that are made one after the other: whether it covers them
 * all, and ε while they are made.
 *
 * <p><b>The whole.</b> {@link #isCovered} compares ε of the {@link JointComposition} of all choices
 * with what is reserved. As long as it is, whatever is chosen, in whatever order, wherever it ends.
 *
 * <p><b>On the way.</b> What is stated after k rounds of the choice that is open is ε of the
 * choices before it, whole, and of this one with <i>every</i> option cut to its first k rounds:
 * never of the option that was chosen alone, which is an outcome. k counts as the next of 1, 2, 3,
 * 4, 6, 8, 12, …, so that a long phase needs few compositions; at the end of a phase it is exact.
 * Statements never fall and never exceed what is reserved: each is limited from below by the ones
 * before, from above by that of the whole choice.
 *
 * <p>Thread-safe. A composition takes a fraction of a second and is remembered.
 */
public final class JointAccounts {

  /** What a second look uses: the bounds of other versions were about 1e-4 apart. */
  private static final double FINER = 1e-5;

  /** No precision makes up for so much, relative to ε. */
  private static final double FAR_OFF = 0.01;

  private final JointComposition whole;
  private final PrivacyLoss reserved;
  private final Map<List<Choice>, Double> known = new ConcurrentHashMap<>();
  private Boolean covered;

  /**
   * @param whole all choices that are paid for
   * @param reserved (ε, δ) for all of them; every ε is stated at this δ
   */
  public JointAccounts(JointComposition whole, PrivacyLoss reserved) {
    this.whole = whole;
    this.reserved = reserved;
  }

  /** An upper bound of ε of all choices, at the reserved δ. */
  public double epsilon() {
    return new PldAccountant().epsilon(whole, reserved.delta());
  }

  /**
   * Whether what is reserved is at least what all choices cost, proven if need be on a finer grid.
   */
  public synchronized boolean isCovered() {
    if (covered == null) {
      covered = isAtMost(whole, reserved.epsilon());
    }
    return covered;
  }

  private boolean isAtMost(JointComposition composition, double epsilon) {
    double bound = new PldAccountant().epsilon(composition, reserved.delta());
    if (bound <= epsilon) {
      return true;
    }
    if (!(bound <= epsilon * (1 + FAR_OFF))) {
      return false;
    }
    try {
      return new PldAccountant(FINER).epsilon(composition, reserved.delta()) <= epsilon;
    } catch (GridTooLargeException e) {
      // As precisely as it can be computed, it cannot be proven.
      return false;
    }
  }

  private double epsilon(List<Choice> choices) {
    return choices.isEmpty()
        ? 0
        : known.computeIfAbsent(
            List.copyOf(choices),
            made -> new PldAccountant().epsilon(JointComposition.of(made), reserved.delta()));
  }

  /** An ε that is at least what was ever stated of these choices, one after the other. */
  private double spent(List<Choice> choices) {
    double largest = 0;
    for (int made = 1; made <= choices.size(); made++) {
      largest = Math.max(largest, epsilon(choices.subList(0, made)));
    }
    return Math.min(reserved.epsilon(), largest);
  }

  /**
   * The accountant of a phase: its ε is that of the choices before it and of its own rounds
   * together.
   *
   * @param before the choices that were made before, each counted whole
   * @param open the choice of the phase; its options are each one mechanism
   * @param rounds the most that the option which was chosen may run
   */
  public PhaseAccountant phase(List<Choice> before, Choice open, long rounds) {
    return new Phase(List.copyOf(before), open, rounds);
  }

  private final class Phase implements PhaseAccountant {

    private final List<Choice> before;
    private final Choice open;
    private final long rounds;

    Phase(List<Choice> before, Choice open, long rounds) {
      this.before = before;
      this.open = open;
      this.rounds = rounds;
    }

    @Override
    public double delta() {
      return reserved.delta();
    }

    @Override
    public double reservedEpsilon() {
      return reserved.epsilon();
    }

    @Override
    public double epsilonAfter(long charged) {
      if (charged < 0 || charged > rounds) {
        throw new IllegalArgumentException(
            "rounds must be in [0, " + rounds + "] for this phase but is " + charged);
      }
      double largest = spent(before);
      long cut = 0;
      while (cut < charged) {
        cut = next(cut);
        largest = Math.max(largest, epsilon(withOpen(open.cutTo(Math.min(cut, rounds)))));
      }
      return Math.min(spent(withOpen(open)), largest);
    }

    private List<Choice> withOpen(Choice choice) {
      List<Choice> all = new ArrayList<>(before);
      all.add(choice);
      return all;
    }

    /** 0, 1, 2, 3, 4, 6, 8, 12, … */
    private static long next(long cut) {
      if (cut == 0) {
        return 1;
      }
      long power = Long.highestOneBit(cut);
      return cut == power ? cut + Math.max(1, cut / 2) : 2 * power;
    }

    @Override
    public long affordableRounds() {
      return isCovered() ? rounds : 0;
    }

    @Override
    public boolean proves(long charged, double epsilon) {
      if (charged > affordableRounds()) {
        return false;
      }
      return epsilonAfter(charged) <= epsilon
          || (charged > 0 && isAtMost(JointComposition.of(withOpen(open.cutTo(charged))), epsilon));
    }
  }
}
