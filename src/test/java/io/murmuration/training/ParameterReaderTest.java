package io.murmuration.training;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIOException;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.murmuration.privacy.mechanism.ModelVersion;
import io.murmuration.training.ParameterStore.Key;
import java.io.IOException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.UUID;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

@Timeout(120)
class ParameterReaderTest {

  private static final Key KEY = Key.ofParameters(ParameterStoreContract.version("a", 1, 2));
  private static final float[] VALUES = ParameterStoreContract.values(1, 2);

  /** Shows values only after some tries, as a file server may. */
  private static final class SlowStore implements ParameterStore {
    private final ParameterStore real = new InMemoryParameterStore(UUID.randomUUID().toString());
    private final List<Key> asked = new ArrayList<>();
    private int hiddenFor;

    @Override
    public void put(Key key, float[] values) throws IOException {
      real.put(key, values);
    }

    @Override
    public float[] get(Key key) throws IOException {
      asked.add(key);
      if (hiddenFor-- > 0) {
        throw new IOException("planted: not there yet");
      }
      return real.get(key);
    }

    @Override
    public void deleteSuperseded(ModelVersion version) throws IOException {
      real.deleteSuperseded(version);
    }
  }

  private final SlowStore store = new SlowStore();

  @Test
  void waitsUntilTheValuesAreVisible() throws Exception {
    store.put(KEY, VALUES);
    store.hiddenFor = 2;
    assertThat(new ParameterReader(store, Duration.ofSeconds(20)).of(KEY)).isSameAs(VALUES);
    assertThat(store.asked).hasSize(3);
  }

  @Test
  void givesUpWhenItsPatienceEnds() {
    assertThatIOException()
        .isThrownBy(() -> new ParameterReader(store, Duration.ZERO).of(KEY))
        .withMessageContaining("did not become readable within PT0S")
        .havingCause()
        .withMessageContaining("feedback.kind");
  }

  @Test
  void refusesWhatIsNotWhatWasAnnounced() throws Exception {
    store.put(KEY, new float[] {1, 2, 3});
    assertThatIOException()
        .isThrownBy(() -> new ParameterReader(store, Duration.ZERO).of(KEY))
        .withMessageContaining(KEY.digest())
        .withMessageContaining(ParameterDigest.of(new float[] {1, 2, 3}));
  }

  @Test
  void readsTheSameValuesOnce() throws Exception {
    Key nextEpoch = new Key("a", 2, 2, KEY.digest());
    store.put(KEY, VALUES);
    ParameterReader reader = new ParameterReader(store, Duration.ZERO);
    float[] first = reader.of(KEY);
    assertThat(reader.of(nextEpoch)).as("they are the same in another epoch").isSameAs(first);
    assertThat(store.asked).containsExactly(KEY);
  }

  /** Nothing stands in for values that could not be had. */
  @Test
  void afterAFailureNothingIsKept() throws Exception {
    store.put(KEY, VALUES);
    ParameterReader reader = new ParameterReader(store, Duration.ZERO);
    reader.of(KEY);
    Key missing = Key.ofParameters(ParameterStoreContract.version("a", 1, 3));
    assertThatThrownBy(() -> reader.of(missing)).isInstanceOf(IOException.class);
    reader.of(KEY);
    assertThat(store.asked).containsExactly(KEY, missing, KEY);
  }

  @Test
  void endsWithItsThread() {
    Thread.currentThread().interrupt();
    assertThatThrownBy(() -> new ParameterReader(store, Duration.ofHours(1)).of(KEY))
        .isInstanceOf(InterruptedException.class);
  }
}
