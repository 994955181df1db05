package io.murmuration.chaos;

import io.murmuration.event.InteractionProducer;
import io.murmuration.event.avro.Interaction;
import java.time.Instant;
import java.util.HashSet;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.function.LongFunction;

/** Users who go on talking whatever is killed; every message is one of its kind. */
final class Traffic implements AutoCloseable {

  private static final double EVENTS_PER_SECOND = 150;

  /** The broker may be away for a while: nothing is given up. */
  private static final Map<String, String> PATIENT =
      Map.of(
          "delivery.timeout.ms", "600000",
          "max.block.ms", "600000",
          "request.timeout.ms", "5000",
          "reconnect.backoff.max.ms", "500");

  private final InteractionProducer producer;
  private final LongFunction<String> userOf;
  private final Thread thread = new Thread(this::talk, "traffic");
  private final Map<String, Set<String>> sent = new TreeMap<>();
  private volatile boolean stopped;
  private volatile Exception failure;

  /**
   * @param userOf who says the event of a number
   */
  Traffic(String bootstrapServers, String topic, LongFunction<String> userOf) {
    this.producer = new InteractionProducer(bootstrapServers, topic, PATIENT, EVENTS_PER_SECOND);
    this.userOf = userOf;
  }

  void start() {
    thread.setDaemon(true);
    thread.start();
  }

  private void talk() {
    try {
      for (long i = 0; !stopped; i++) {
        String user = userOf.apply(i);
        String text = i + " " + user;
        producer.send(
            Interaction.newBuilder()
                .setEventId("e" + i)
                .setUserId(user)
                .setEventTime(Instant.now())
                .setPrompt(null)
                .setText(text)
                .setErase(false)
                .build());
        sent.computeIfAbsent(user, key -> new HashSet<>()).add(text);
      }
      producer.flush();
    } catch (Exception e) {
      failure = e;
    }
  }

  /**
   * Ends the traffic and waits until the broker has all of it.
   *
   * @return the texts of each user
   */
  Map<String, Set<String>> stop() throws InterruptedException {
    stopped = true;
    thread.join();
    if (failure != null) {
      throw new IllegalStateException("the traffic broke off", failure);
    }
    return sent;
  }

  @Override
  public void close() throws InterruptedException {
    stopped = true;
    thread.interrupt();
    thread.join();
  }
}
