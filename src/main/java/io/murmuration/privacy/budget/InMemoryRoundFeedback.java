package io.murmuration.privacy.budget;

import io.murmuration.privacy.mechanism.Checks;
import io.murmuration.privacy.mechanism.ModelVersion;
import io.murmuration.privacy.mechanism.RoundExecuted;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CopyOnWriteArrayList;

/**
 * Feedback inside one JVM, by domain: for jobs whose train and privacy budget run in the same
 * process. Epoch numbers keep jobs that share a domain apart.
 *
 * @param domain the privacy domain
 */
public record InMemoryRoundFeedback(String domain) implements RoundFeedback {

  private static final Map<String, List<Listener>> LISTENERS = new ConcurrentHashMap<>();

  public InMemoryRoundFeedback {
    Checks.text("domain", domain);
  }

  @Override
  public Publisher publisher() {
    return new Publisher() {
      @Override
      public void announced(ModelVersion model) {
        LISTENERS.getOrDefault(domain, List.of()).forEach(listener -> listener.announced(model));
      }

      @Override
      public void executed(RoundExecuted executed) {
        LISTENERS.getOrDefault(domain, List.of()).forEach(listener -> listener.executed(executed));
      }

      @Override
      public void close() {}
    };
  }

  @Override
  public Subscription subscribe(Listener listener) {
    // Added within compute, so that no other subscription's end drops the list meanwhile.
    LISTENERS.compute(
        domain,
        (key, listeners) -> {
          List<Listener> all = listeners == null ? new CopyOnWriteArrayList<>() : listeners;
          all.add(listener);
          return all;
        });
    return () ->
        LISTENERS.computeIfPresent(
            domain,
            (key, listeners) -> {
              listeners.remove(listener);
              return listeners.isEmpty() ? null : listeners;
            });
  }
}
