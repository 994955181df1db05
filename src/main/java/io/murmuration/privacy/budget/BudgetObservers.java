package io.murmuration.privacy.budget;

import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.Consumer;

/** The observers of this JVM, by domain. */
public final class BudgetObservers {

  private static final Map<String, Set<BudgetObserver>> OBSERVERS = new ConcurrentHashMap<>();

  private BudgetObservers() {}

  /** Ends an observation when closed. */
  public interface Registration extends AutoCloseable {
    @Override
    void close();
  }

  /** Tells the observer of every event of the domain's budget in this JVM until closed. */
  public static Registration observe(String domain, BudgetObserver observer) {
    Set<BudgetObserver> observers =
        OBSERVERS.computeIfAbsent(domain, key -> ConcurrentHashMap.newKeySet());
    observers.add(observer);
    return () -> observers.remove(observer);
  }

  static void tell(String domain, Consumer<BudgetObserver> event) {
    OBSERVERS.getOrDefault(domain, Set.of()).forEach(event);
  }
}
