package io.murmuration.demo;

import io.murmuration.event.InteractionProducer;
import io.murmuration.event.avro.Interaction;
import java.util.Iterator;
import org.apache.kafka.common.errors.InterruptException;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Sends interactions on a thread of its own, so that the job runs meanwhile. Start it, watch {@link
 * #isDone}, close it; a failure is thrown by {@link #check} and {@link #close}.
 */
public final class BackgroundFeed implements AutoCloseable {
  private static final Logger LOG = LoggerFactory.getLogger(BackgroundFeed.class);

  private final Iterator<Interaction> interactions;
  private final InteractionProducer producer;
  private final FeedPace pace;
  private final Thread thread;
  // Written by the feed's thread alone.
  private volatile long sent;
  private volatile long rejected;
  private volatile Exception failure;

  private BackgroundFeed(
      Iterator<Interaction> interactions, InteractionProducer producer, FeedPace pace) {
    this.interactions = interactions;
    this.pace = pace;
    this.producer = producer;
    this.thread = new Thread(this::run, "murmuration-feed");
    thread.setDaemon(true);
  }

  /**
   * Starts to send.
   *
   * @param interactions used by the feed's thread alone from now on
   * @param producer may limit the rate; the feed closes it
   */
  public static BackgroundFeed start(
      Iterator<Interaction> interactions, InteractionProducer producer) {
    return start(interactions, producer, FeedPace.UNLIMITED);
  }

  /**
   * The same at a pace.
   *
   * @param pace when each may be sent
   */
  static BackgroundFeed start(
      Iterator<Interaction> interactions, InteractionProducer producer, FeedPace pace) {
    BackgroundFeed feed = new BackgroundFeed(interactions, producer, pace);
    feed.thread.start();
    return feed;
  }

  private void run() {
    try (producer) {
      for (long index = 0; interactions.hasNext() && !Thread.interrupted(); index++) {
        pace.await(index);
        send(interactions.next());
      }
      producer.flush();
    } catch (InterruptedException | InterruptException e) {
      // Only close() interrupts: the feed is wanted no longer.
      Thread.currentThread().interrupt();
    } catch (RuntimeException e) {
      failure = e;
    }
  }

  private void send(Interaction interaction) throws InterruptedException {
    try {
      producer.send(interaction);
      sent = producer.sent();
    } catch (IllegalArgumentException tooLarge) {
      rejected = rejected + 1;
      LOG.warn("left out an event: {}", tooLarge.getMessage());
    }
  }

  /** Interactions that were left out because no record can hold them. */
  public long rejected() {
    return rejected;
  }

  /** Interactions sent so far. */
  public long sent() {
    return sent;
  }

  /** Whether everything was sent, or sending failed. */
  public boolean isDone() {
    return !thread.isAlive();
  }

  /**
   * Throws if sending failed.
   *
   * @throws IllegalStateException with the cause
   */
  public void check() {
    Exception cause = failure;
    if (cause != null) {
      throw new IllegalStateException("cannot feed events: " + cause.getMessage(), cause);
    }
  }

  /** Stops sending and waits for the thread's end. */
  @Override
  public void close() {
    thread.interrupt();
    boolean interrupted = false;
    while (thread.isAlive()) {
      try {
        thread.join();
      } catch (InterruptedException e) {
        interrupted = true;
      }
    }
    if (interrupted) {
      Thread.currentThread().interrupt();
    }
    check();
  }
}
