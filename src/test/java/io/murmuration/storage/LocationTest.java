package io.murmuration.storage;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class LocationTest {

  @ParameterizedTest
  @ValueSource(
      strings = {"releases", "/data/releases", "../up", "C:/models", "a:b/c", "name with space"})
  void pathsAreLocal(String text) {
    assertThat(Location.of(text).isLocal()).isTrue();
    assertThat(Location.of(text).path()).isEqualTo(Path.of(text));
  }

  @ParameterizedTest
  @CsvSource({
    "file:///data/releases, /data/releases",
    "file:/data/releases, /data/releases",
    "file:///data/a%20b/, /data/a b"
  })
  void fileUrisAreLocal(String text, String path) {
    assertThat(Location.of(text).isLocal()).isTrue();
    assertThat(Location.of(text).path()).isEqualTo(Path.of(path));
  }

  @ParameterizedTest
  @CsvSource({
    "s3://bucket/a/releases, releases, s3://bucket/a, s3://bucket/a/releases/x",
    "s3://bucket/a/releases/, releases, s3://bucket/a, s3://bucket/a/releases/x",
    "s3://bucket, bucket, s3://bucket, s3://bucket/x",
    "hdfs:///models/base, base, hdfs:///models, hdfs:///models/base/x",
    "s3a://bucket/a, a, s3://no, s3a://bucket/a/x"
  })
  void otherUrisAreNot(String text, String name, String parent, String below) {
    Location location = Location.of(text);
    assertThat(location.isLocal()).isFalse();
    assertThat(location.name()).isEqualTo(name);
    if (!parent.equals("s3://no")) {
      assertThat(location.parent().text()).isEqualTo(parent);
    }
    assertThat(location.resolve("x").text()).isEqualTo(below);
    assertThatThrownBy(location::path).isInstanceOf(IllegalStateException.class);
  }

  @Test
  void refusesWhatIsNeither() {
    assertThatThrownBy(() -> Location.of("s3://bucket/a b"))
        .isInstanceOf(IllegalArgumentException.class);
    assertThatThrownBy(() -> Location.of(" ")).hasMessageContaining("is required");
  }
}
