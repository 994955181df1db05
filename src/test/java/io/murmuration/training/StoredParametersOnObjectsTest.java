package io.murmuration.training;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIOException;

import io.murmuration.privacy.mechanism.ModelVersion;
import io.murmuration.storage.ObjectStorage;
import io.murmuration.training.ParameterStore.Key;
import java.io.IOException;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

class StoredParametersOnObjectsTest extends ParameterStoreContract {

  private static final ModelVersion VERSION = version("a1b2", 3, 7);
  private static final String MARKER = "releases/.murmuration-store";

  private final ObjectStorage storage = new ObjectStorage();

  @BeforeEach
  void openReleases() {
    storage.objects().put(MARKER, "ab".repeat(16).getBytes(UTF_8));
  }

  @Override
  ParameterStore store() {
    return new StoredParameters(storage.at("releases"), "flock");
  }

  @Test
  void nothingIsWrittenWhileTheStoreOfReleasesIsAway() {
    storage.objects().clear();

    assertThatIOException().isThrownBy(() -> store().put(Key.ofFrozen(VERSION), FROZEN));

    assertThat(storage.objects()).isEmpty();
  }

  /** A stream uploads what it has: the next attempt must not take it for the whole. */
  @Test
  void aFailedWriteIsReplacedByTheNext() throws IOException {
    Key key = Key.ofParameters(VERSION);
    storage.cutOff(".f32", 8);
    assertThatIOException().isThrownBy(() -> store().put(key, values(3, 7)));
    assertThat(storage.objects()).hasSize(2);

    storage.recover();
    store().put(key, values(3, 7));

    assertThat(store().get(key)).isEqualTo(values(3, 7));
  }
}
