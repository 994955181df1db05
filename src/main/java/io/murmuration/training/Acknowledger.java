package io.murmuration.training;

import io.murmuration.privacy.budget.RoundFeedback;
import io.murmuration.privacy.mechanism.BudgetSignal;
import io.murmuration.privacy.mechanism.EpochStart;
import io.murmuration.privacy.mechanism.Grant;
import java.io.IOException;
import java.time.Duration;
import java.util.concurrent.Executor;
import java.util.function.Consumer;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Tells the privacy budget of the last executed round, and of the model after it, until a later
 * grant, or a later epoch, shows that it is past it. Without that no further round is ever granted,
 * so:
 *
 * <ul>
 *   <li>what cannot be sent is tried again after 1 s, 2 s, … 60 s: failing the task would restart
 *       the job, and void what is in flight, for a broker, or a store of parameters, that is away,
 *   <li>what was sent is sent again after 30 s, 1 min, … 10 min: it may be lost all the same, with
 *       the end of the topic or with a subscription that began after it.
 * </ul>
 *
 * <p>The budget ignores what it knows already, so that repetition is harmless.
 *
 * <p>All methods are called on the task thread, and so is what the timers run; only sending happens
 * on the worker.
 */
final class Acknowledger {

  private static final Logger LOG = LoggerFactory.getLogger(Acknowledger.class);

  /** What could not be sent is tried again after a second, then after twice as long each time. */
  static final Duration FIRST_RETRY = Duration.ofSeconds(1);

  /** A broker that is back is found within a minute. */
  static final Duration LAST_RETRY = Duration.ofSeconds(60);

  /** What was sent and not followed by a grant may be lost; most of it is only waited for. */
  static final Duration FIRST_REPETITION = Duration.ofSeconds(30);

  /** A halted domain is told again six times an hour. */
  static final Duration LAST_REPETITION = Duration.ofMinutes(10);

  /** Runs an action on the task thread after a while, unless the task ends before. */
  interface Timer {
    void after(Duration pause, Runnable action);
  }

  private final RoundFeedback.Publisher publisher;
  private final Executor worker;
  private final Executor taskThread;
  private final Timer timer;
  private final Consumer<RuntimeException> failed;

  /** What is said. */
  interface Message {

    /**
     * Says it, on the worker; what was said already may be said again.
     *
     * @throws IOException if that is not possible now
     */
    void send(RoundFeedback.Publisher publisher) throws IOException, InterruptedException;
  }

  /** The last try for a round that the budget has not shown to be past; else null. */
  private Try current;

  private Duration retry = FIRST_RETRY;
  private Duration repetition = FIRST_REPETITION;

  /** One sending. Compared by identity: what becomes of any but the last concerns nobody. */
  private static final class Try {
    final long epoch;
    final long round;
    final Message message;

    Try(long epoch, long round, Message message) {
      this.epoch = epoch;
      this.round = round;
      this.message = message;
    }

    boolean isFollowedBy(BudgetSignal signal) {
      return (signal instanceof EpochStart start && start.epoch() > epoch)
          || (signal instanceof Grant grant && grant.round() > round);
    }
  }

  /**
   * @param publisher used on the worker only
   * @param worker may block
   * @param taskThread takes what the worker found; drops it where the task has ended
   * @param failed told on the task thread of what is no trouble with the network but a fault
   */
  Acknowledger(
      RoundFeedback.Publisher publisher,
      Executor worker,
      Executor taskThread,
      Timer timer,
      Consumer<RuntimeException> failed) {
    this.publisher = publisher;
    this.worker = worker;
    this.taskThread = taskThread;
    this.timer = timer;
    this.failed = failed;
  }

  /**
   * Says something: what came before it needs no answer any more.
   *
   * @param epoch of the attempt
   * @param round the last that is executed; a later grant is the answer
   */
  void say(long epoch, long round, Message message) {
    retry = FIRST_RETRY;
    repetition = FIRST_REPETITION;
    send(new Try(epoch, round, message));
  }

  /** The budget was heard of. */
  void heard(BudgetSignal signal) {
    if (current != null && current.isFollowedBy(signal)) {
      current = null;
    }
  }

  private void send(Try sending) {
    current = sending;
    worker.execute(
        () -> {
          try {
            sending.message.send(publisher);
          } catch (IOException trouble) {
            taskThread.execute(() -> notSent(sending, trouble));
          } catch (InterruptedException e) {
            // the task is closing; the next epoch asks for no acknowledgement of this one
            Thread.currentThread().interrupt();
          } catch (RuntimeException fault) {
            taskThread.execute(() -> failed.accept(fault));
          }
        });
    sendAgain(sending, repetition);
    repetition = longer(repetition, LAST_REPETITION);
  }

  private void notSent(Try sending, IOException trouble) {
    if (sending != current) {
      return;
    }
    LOG.warn(
        "What follows on round {} is said again in {} s, and no round is granted until then: {}",
        sending.round,
        retry.toSeconds(),
        trouble.getMessage());
    LOG.debug("Why it could not be said", trouble);
    sendAgain(sending, retry);
    retry = longer(retry, LAST_RETRY);
    repetition = FIRST_REPETITION;
  }

  private void sendAgain(Try sending, Duration pause) {
    timer.after(
        pause,
        () -> {
          if (sending == current) {
            send(new Try(sending.epoch, sending.round, sending.message));
          }
        });
  }

  private static Duration longer(Duration pause, Duration longest) {
    Duration twice = pause.multipliedBy(2);
    return twice.compareTo(longest) < 0 ? twice : longest;
  }
}
