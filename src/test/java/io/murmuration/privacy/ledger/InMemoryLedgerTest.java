package io.murmuration.privacy.ledger;

import java.util.UUID;
import org.junit.jupiter.api.AfterEach;

class InMemoryLedgerTest extends LedgerContract {

  private final String name = UUID.randomUUID().toString();

  @Override
  LedgerFactory factory() {
    return InMemoryLedger.factory(name);
  }

  @Override
  boolean fencesTheLiving() {
    return true;
  }

  @AfterEach
  void forget() {
    InMemoryLedger.forget(name);
  }
}
