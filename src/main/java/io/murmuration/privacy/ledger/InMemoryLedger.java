package io.murmuration.privacy.ledger;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;

/**
 * A ledger in the memory of this JVM, shared by name: it outlives jobs but not the process. For
 * tests and trials; what it holds is lost with the process, so it guards no real user.
 */
public final class InMemoryLedger implements Ledger {

  private static final Map<String, Store> STORES = new ConcurrentHashMap<>();

  private final String name;
  private final Store store;
  private Object token;

  private InMemoryLedger(String name) {
    this.name = name;
    this.store = STORES.computeIfAbsent(name, key -> new Store());
  }

  /** Ledgers on the store of this name; it is created by the first. */
  public static LedgerFactory factory(String name) {
    return () -> new InMemoryLedger(name);
  }

  /** Forgets the store of this name, so that a test leaves nothing behind. */
  public static void forget(String name) {
    STORES.remove(name);
  }

  @Override
  public String location() {
    return "in-memory ledger '" + name + "'";
  }

  @Override
  public List<LedgerEntry> read() {
    return store.entries();
  }

  @Override
  public List<LedgerEntry> open() {
    token = new Object();
    return store.fence(token);
  }

  @Override
  public void append(LedgerEntry entry) throws LedgerException {
    if (token == null) {
      throw new IllegalStateException("the ledger is not open");
    }
    if (!store.append(token, entry)) {
      throw new LedgerException.Fenced("Another holder has opened the " + location());
    }
  }

  @Override
  public void close() {
    token = null;
  }

  private static final class Store {
    private final List<LedgerEntry> entries = new ArrayList<>();
    private Object holder;

    synchronized List<LedgerEntry> entries() {
      return List.copyOf(entries);
    }

    synchronized List<LedgerEntry> fence(Object newHolder) {
      holder = newHolder;
      return List.copyOf(entries);
    }

    synchronized boolean append(Object writer, LedgerEntry entry) {
      if (holder != writer) {
        return false;
      }
      entries.add(entry);
      return true;
    }
  }
}
