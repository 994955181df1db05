package io.murmuration.registry;

import java.time.Duration;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ThreadLocalRandom;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Schemas of a registry by their ids: asked for once, and again with growing pauses while the
 * registry is away. An id means the same schema for ever, so what was found is kept; that an id is
 * unknown is believed for half a minute. Holds the last thousand ids. Thread-safe.
 */
public final class RegisteredSchemas {

  private static final Logger LOGGER = LoggerFactory.getLogger(RegisteredSchemas.class);

  /**
   * A schema that is registered late is found within it; an id that never is costs two requests a
   * minute.
   */
  private static final Duration UNKNOWN_FOR = Duration.ofSeconds(30);

  /** Often enough to be seen, rarely enough not to fill a log. */
  private static final Duration WARNING_INTERVAL = Duration.ofMinutes(1);

  /** Spreads subtasks that began to wait together. */
  private static final double JITTER = 0.2;

  /** More ids than a topic has schemas, and few enough that made-up ones fill no memory. */
  private static final int MOST_KEPT = 1_000;

  private final RegistryClient client;
  private final Duration firstPause;
  private final Duration longestPause;
  private final Map<Integer, Remembered> remembered;

  private volatile boolean away;

  private record Remembered(SchemaAnswer answer, long nanoTime) {
    boolean isStale(long now) {
      return answer instanceof SchemaAnswer.Unknown && now - nanoTime > UNKNOWN_FOR.toNanos();
    }
  }

  /** Pauses of 0.2 to 10 seconds between tries. */
  public RegisteredSchemas(RegistryClient client) {
    this(client, Duration.ofMillis(200), Duration.ofSeconds(10), MOST_KEPT);
  }

  RegisteredSchemas(
      RegistryClient client, Duration firstPause, Duration longestPause, int mostKept) {
    this.remembered =
        new LinkedHashMap<>(/* initialCapacity= */ 16, /* loadFactor= */ 0.75f, true) {
          private static final long serialVersionUID = 1L;

          @Override
          protected boolean removeEldestEntry(Map.Entry<Integer, Remembered> eldest) {
            return size() > mostKept;
          }
        };
    this.client = client;
    this.firstPause = firstPause;
    this.longestPause = longestPause;
  }

  /** What is remembered of an id, without asking the registry. */
  public synchronized Optional<SchemaAnswer> remembered(int id) {
    Remembered found = remembered.get(id);
    return found == null || found.isStale(System.nanoTime())
        ? Optional.empty()
        : Optional.of(found.answer());
  }

  /**
   * What the registry says of an id. Waits for a registry that is away for as long as it takes, and
   * says so in the log.
   *
   * @throws InterruptedException if the thread is interrupted meanwhile
   */
  public SchemaAnswer await(int id) throws InterruptedException {
    try {
      return await(id, Duration.ofNanos(Long.MAX_VALUE));
    } catch (RegistryUnavailableException e) {
      throw new IllegalStateException("patience for centuries is over", e);
    }
  }

  /**
   * The same, with an end.
   *
   * @param patience how long a registry that is away is waited for
   * @throws RegistryUnavailableException when that is over
   * @throws InterruptedException if the thread is interrupted meanwhile
   */
  public SchemaAnswer await(int id, Duration patience)
      throws RegistryUnavailableException, InterruptedException {
    Optional<SchemaAnswer> known = remembered(id);
    if (known.isPresent()) {
      return known.get();
    }
    long start = System.nanoTime();
    long warned = 0;
    Duration pause = firstPause;
    for (int tries = 1; ; tries++) {
      try {
        SchemaAnswer answer = client.schema(id);
        remember(id, answer);
        if (away) {
          LOGGER.info("The schema registry is back; ingest goes on");
          away = false;
        }
        return answer;
      } catch (RegistryUnavailableException e) {
        away = true;
        long now = System.nanoTime();
        if (now - start > patience.toNanos()) {
          throw e;
        }
        if (tries == 1 || now - warned > WARNING_INTERVAL.toNanos()) {
          LOGGER.warn(
              "Ingest waits for the schema registry, to read records of schema id {}: {}",
              id,
              e.getMessage());
          warned = now;
        }
      }
      // not all subtasks at once
      double jitter = 1 + JITTER * (2 * ThreadLocalRandom.current().nextDouble() - 1);
      Thread.sleep((long) (pause.toMillis() * jitter));
      pause =
          pause.multipliedBy(2).compareTo(longestPause) > 0 ? longestPause : pause.multipliedBy(2);
    }
  }

  private synchronized void remember(int id, SchemaAnswer answer) {
    remembered.put(id, new Remembered(answer, System.nanoTime()));
  }

  /** Whether the registry did not answer when it was asked last. */
  public boolean isAway() {
    return away;
  }
}
