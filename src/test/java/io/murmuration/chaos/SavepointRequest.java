package io.murmuration.chaos;

import java.io.IOException;
import java.util.Optional;
import java.util.concurrent.Callable;
import java.util.function.Consumer;

/**
 * One savepoint, asked for as often as Flink refuses it. A refusal is expected: no savepoint is
 * taken while any task is not running. Everything else that goes wrong is passed on.
 */
final class SavepointRequest {

  /** Tells what has become of a request. */
  interface Locator {
    /**
     * Where the savepoint lies; empty while it is being written.
     *
     * @throws FlinkRest.RefusedException if it will not be taken
     */
    Optional<String> locate(String request) throws IOException, InterruptedException;
  }

  private final Callable<String> ask;
  private final Locator locator;
  private final Consumer<String> refused;
  private Optional<String> pending = Optional.empty();
  private Optional<String> location = Optional.empty();

  /**
   * @param ask starts a savepoint and returns its request
   * @param locator looks after a request
   * @param refused told each refusal in one line
   */
  SavepointRequest(Callable<String> ask, Locator locator, Consumer<String> refused) {
    this.ask = ask;
    this.locator = locator;
    this.refused = refused;
  }

  /** Asks if nothing is under way, looks otherwise; where the savepoint lies once it does. */
  Optional<String> look() throws Exception {
    if (location.isPresent()) {
      return location;
    }
    try {
      if (pending.isEmpty()) {
        pending = Optional.of(ask.call());
      }
      location = locator.locate(pending.get());
    } catch (FlinkRest.RefusedException e) {
      pending = Optional.empty();
      refused.accept(e.getMessage());
    }
    return location;
  }
}
