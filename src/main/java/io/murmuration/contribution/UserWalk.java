package io.murmuration.contribution;

import java.util.Iterator;
import java.util.function.BooleanSupplier;
import java.util.stream.Stream;

/**
 * A walk over all users of a subtask that can pause, so that input and barriers pass between its
 * quanta.
 */
final class UserWalk implements AutoCloseable {

  private final Stream<String> userIds;
  private final Iterator<String> rest;
  private final Visit visit;
  private final End end;

  /** What is done with one user. */
  @FunctionalInterface
  interface Visit {
    void to(String userId) throws Exception;
  }

  /** What is done when everybody has been visited. */
  @FunctionalInterface
  interface End {
    void run() throws Exception;
  }

  /**
   * @param userIds read as the walk goes on and closed at its end
   */
  UserWalk(Stream<String> userIds, Visit visit, End end) {
    this.userIds = userIds;
    this.rest = userIds.iterator();
    this.visit = visit;
    this.end = end;
  }

  /**
   * Goes on until the quantum is over or everybody has been visited.
   *
   * @param quantumIsOver asked after every visit
   * @return whether the walk is at its end
   */
  boolean goOn(BooleanSupplier quantumIsOver) throws Exception {
    while (rest.hasNext()) {
      visit.to(rest.next());
      if (quantumIsOver.getAsBoolean() && rest.hasNext()) {
        return false;
      }
    }
    close();
    end.run();
    return true;
  }

  /** Lets go of the ids; may be called twice. */
  @Override
  public void close() {
    userIds.close();
  }
}
