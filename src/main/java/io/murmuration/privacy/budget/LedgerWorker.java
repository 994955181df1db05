package io.murmuration.privacy.budget;

import io.murmuration.privacy.accounting.PhaseAccountant;
import io.murmuration.privacy.ledger.HaltReason;
import io.murmuration.privacy.ledger.LedgerException;
import io.murmuration.privacy.ledger.LedgerState;
import io.murmuration.privacy.mechanism.Grant;
import io.murmuration.privacy.mechanism.InputOffsets;
import io.murmuration.privacy.mechanism.InputTopic;
import io.murmuration.privacy.mechanism.RoundExecuted;
import java.io.IOException;
import java.util.OptionalDouble;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The thread on which a {@link LedgerSession} and the feedback's subscription live: takes one piece
 * of work at a time and hands its outcome to a callback, on that same thread.
 */
final class LedgerWorker implements AutoCloseable {

  private static final Logger LOG = LoggerFactory.getLogger(LedgerWorker.class);

  /**
   * Closing waits as long as one operation of a ledger may take, see {@code
   * KafkaEndpoint#DEFAULT_TIMEOUT}.
   */
  private static final long CLOSE_TIMEOUT_SECONDS = 30;

  private final LedgerSession session;
  private final RoundFeedback feedback;

  /** The topic that users' words come from; null where users have no lifetime. */
  private final InputTopic input;

  private final ExecutorService thread =
      Executors.newSingleThreadExecutor(
          task -> {
            Thread created = new Thread(task, "privacy-budget-ledger");
            created.setDaemon(true);
            return created;
          });

  private RoundFeedback.Subscription subscription;
  private InputTopic.Connection toInput;
  private Future<?> work;
  private volatile boolean closed;

  LedgerWorker(LedgerSession session, RoundFeedback feedback, InputTopic input) {
    this.session = session;
    this.feedback = feedback;
    this.input = input;
  }

  /**
   * What became of a piece of work: a result or a failure.
   *
   * @param failure null if there is a result
   * @param tookMillis how long it ran
   */
  record Outcome<T>(T result, Throwable failure, long tookMillis) {}

  /**
   * The ledger after opening, and the ε that it says is spent.
   *
   * @param opening null where it is to be opened later
   * @param input the topic of events after every earlier attempt was fenced off; null where users
   *     have no lifetime, and in an attempt that is fenced off itself
   * @param opensAtMillis when it is to be opened, in wall time; 0 where it is open
   */
  record Opened(
      LedgerSession.Opening opening, double epsilonSpent, InputOffsets input, long opensAtMillis) {

    /** It is to be opened later. */
    static Opened later(long opensAtMillis) {
      return new Opened(
          /* opening= */ null, /* epsilonSpent= */ 0, /* input= */ null, opensAtMillis);
    }
  }

  /**
   * A grant, the ledger with its charge, and the accountant of its phase.
   *
   * @param input the topic of events before the charge; null where users have no lifetime
   */
  record Charged(Grant grant, LedgerState state, PhaseAccountant accountant, InputOffsets input) {}

  /** The ledger with a calibration's outcome, and the accountant of the phase that follows. */
  record Concluded(LedgerState state, PhaseAccountant accountant, double epsilonSpent) {}

  /**
   * Subscribes to the feedback, then opens the ledger, so that no acknowledgement is missed; not
   * before the moment that {@link LedgerSession#opensAtMillis} says.
   */
  void open(long nowMillis, RoundFeedback.Listener listener, Consumer<Outcome<Opened>> done) {
    run(
        () -> {
          if (subscription == null) {
            subscription = feedback.subscribe(listener);
          }
          long opensAt = session.opensAtMillis(nowMillis);
          if (opensAt > nowMillis) {
            return Opened.later(opensAt);
          }
          LedgerSession.Opening opening = session.open(nowMillis);
          InputOffsets read = opening instanceof LedgerSession.Opening.Owned ? readInput() : null;
          return new Opened(opening, session.epsilonSpent(), read, /* opensAtMillis= */ 0);
        },
        done);
  }

  void charge(long tick, long dueTick, OptionalDouble clipNorm, Consumer<Outcome<Charged>> done) {
    run(
        () -> {
          // before: whoever takes over reads ends that are no smaller
          InputOffsets before = readInput();
          Grant grant = session.charge(tick, dueTick, clipNorm);
          return new Charged(grant, session.state(), session.accountant(), before);
        },
        done);
  }

  void conclude(RoundExecuted executed, long tick, Consumer<Outcome<Concluded>> done) {
    run(
        () -> {
          session.conclude(executed, tick);
          return new Concluded(session.state(), session.accountant(), session.epsilonSpent());
        },
        done);
  }

  void halt(HaltReason reason, Consumer<Outcome<LedgerState>> done) {
    run(
        () -> {
          session.halt(reason);
          return session.state();
        },
        done);
  }

  private InputOffsets readInput() throws LedgerException, InterruptedException {
    if (input == null) {
      return null;
    }
    try {
      if (toInput == null) {
        toInput = input.open();
      }
      return toInput.read();
    } catch (IOException e) {
      closeInput();
      throw new LedgerException.Unavailable(e.getMessage(), e.getCause());
    } catch (IllegalArgumentException e) {
      throw new LedgerException.Refused(e.getMessage(), e);
    }
  }

  private void closeInput() {
    if (toInput != null) {
      toInput.close();
      toInput = null;
    }
  }

  private <T> void run(Callable<T> task, Consumer<Outcome<T>> done) {
    work =
        thread.submit(
            () -> {
              long start = System.nanoTime();
              T result = null;
              Throwable failure = null;
              try {
                result = task.call();
              } catch (Throwable e) {
                failure = e;
              }
              long took = TimeUnit.NANOSECONDS.toMillis(System.nanoTime() - start);
              if (!closed) {
                done.accept(new Outcome<>(result, failure, took));
              } else if (failure != null) {
                LOG.debug("Ledger work was cut short by the end of the task", failure);
              }
            });
  }

  /** Runs the action unless the worker is closed: its results no longer concern anybody then. */
  void unlessClosed(Runnable action) {
    synchronized (this) {
      if (!closed) {
        action.run();
      }
    }
  }

  /** Interrupts what is running, and closes ledger and subscription on the thread they live on. */
  @Override
  public void close() throws InterruptedException {
    synchronized (this) {
      closed = true;
    }
    if (work != null) {
      work.cancel(/* mayInterruptIfRunning= */ true);
    }
    thread.execute(
        () -> {
          session.close();
          closeInput();
          if (subscription != null) {
            subscription.close();
          }
        });
    thread.shutdown();
    if (!thread.awaitTermination(CLOSE_TIMEOUT_SECONDS, TimeUnit.SECONDS)) {
      LOG.warn(
          "The ledger is still busy after {} s and is closed when it is done",
          CLOSE_TIMEOUT_SECONDS);
    }
  }
}
