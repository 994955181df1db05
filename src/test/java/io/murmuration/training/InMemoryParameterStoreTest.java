package io.murmuration.training;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIOException;

import io.murmuration.training.ParameterStore.Key;
import java.util.UUID;
import org.junit.jupiter.api.Test;

class InMemoryParameterStoreTest extends ParameterStoreContract {

  private final String domain = UUID.randomUUID().toString();

  @Override
  ParameterStore store() {
    return new InMemoryParameterStore(domain);
  }

  @Test
  void trainAndWorkersShareTheArray() throws Exception {
    float[] values = {1};
    Key key = Key.ofParameters(version("a", 1, 0));
    store().put(key, values);
    assertThat(store().get(key)).isSameAs(values);
  }

  @Test
  void domainsAreKeptApartAndTheErrorSaysWhatToDo() {
    Key key = Key.ofParameters(version("a", 1, 0));
    new InMemoryParameterStore(domain + "-other").put(key, new float[] {1});
    assertThatIOException()
        .isThrownBy(() -> store().get(key))
        .withMessageContaining("feedback.kind IN_MEMORY")
        .withMessageContaining(domain);
  }
}
