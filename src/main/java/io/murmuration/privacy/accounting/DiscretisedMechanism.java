package io.murmuration.privacy.accounting;

/** A mechanism's privacy loss in both directions on one grid, each ready to be composed. */
final class DiscretisedMechanism {

  private final DiscretePld remove;
  private final DiscretePld add;

  private DiscretisedMechanism(DiscretePld remove, DiscretePld add) {
    this.remove = remove;
    this.add = add;
  }

  /**
   * Discretises one round.
   *
   * @param pair of the round
   * @param interval of the grid, &gt; 0
   * @param negligibleMass at most so much mass is moved to infinite loss at each of the grid's ends
   */
  static DiscretisedMechanism of(DominatingPair pair, double interval, double negligibleMass) {
    LossCells cells = LossCells.of(pair, LossGrid.of(pair, interval, negligibleMass));
    return new DiscretisedMechanism(
        ConnectTheDots.discretise(pair, cells, Direction.REMOVE),
        ConnectTheDots.discretise(pair, cells, Direction.ADD));
  }

  DiscretePld pld(Direction direction) {
    return direction == Direction.REMOVE ? remove : add;
  }
}
