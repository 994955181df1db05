package io.murmuration.sql;

import io.murmuration.job.ConfiguredMechanism;
import io.murmuration.serving.Notices;
import io.murmuration.serving.ReleaseFollower;
import io.murmuration.serving.Responder;
import java.util.HashMap;
import java.util.Map;
import java.util.Optional;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** One responder for all tasks of a JVM that ask for the same; the last one closes it. */
final class SharedResponders {

  /** Guarded by itself. */
  private static final Map<ServedModelSettings, Shared> SHARED = new HashMap<>();

  private static final Logger LOG = LoggerFactory.getLogger(SharedResponders.class);

  private SharedResponders() {}

  private static final class Shared {
    /** Guarded by {@link #SHARED}. */
    private int users;

    /** Guarded by this, which starting holds. */
    private Responder responder;

    synchronized Responder started(ServedModelSettings settings) throws InterruptedException {
      if (responder == null) {
        Notices notices = new Notices();
        Responder starting =
            Responder.follow(
                settings.releases(),
                settings.ledger(),
                ConfiguredMechanism::accountant,
                Optional.ofNullable(settings.base()),
                settings.interval(),
                look -> notices.about(look).forEach(line -> log(look, line)));
        ReleaseFollower.Status status = starting.status();
        if (status.served().isEmpty()) {
          starting.close();
          throw new IllegalStateException(
              "There is no release in %s to be served: %s"
                  .formatted(settings.releases(), Responder.reasonOf(status)));
        }
        responder = starting;
      }
      return responder;
    }
  }

  private static void log(ReleaseFollower.Look look, String line) {
    if (look.refused().isEmpty() && look.away().isEmpty()) {
      LOG.info("{}", line);
    } else {
      LOG.warn("{}", line);
    }
  }

  /**
   * A responder that serves something; to be released.
   *
   * @throws IllegalStateException if there is nothing to be served now
   */
  static Responder acquire(ServedModelSettings settings) throws InterruptedException {
    Shared shared;
    synchronized (SHARED) {
      shared = SHARED.computeIfAbsent(settings, absent -> new Shared());
      shared.users++;
    }
    try {
      return shared.started(settings);
    } catch (InterruptedException | RuntimeException e) {
      release(settings);
      throw e;
    }
  }

  /** One user less. */
  static void release(ServedModelSettings settings) {
    Shared shared;
    synchronized (SHARED) {
      shared = SHARED.get(settings);
      shared.users--;
      if (shared.users > 0) {
        return;
      }
      SHARED.remove(settings);
    }
    synchronized (shared) {
      if (shared.responder != null) {
        shared.responder.close();
      }
    }
  }
}
