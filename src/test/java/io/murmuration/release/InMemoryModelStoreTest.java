package io.murmuration.release;

class InMemoryModelStoreTest extends ModelStoreContract {

  private final InMemoryModelStore store = new InMemoryModelStore();

  @Override
  ModelStore store() {
    return store;
  }
}
