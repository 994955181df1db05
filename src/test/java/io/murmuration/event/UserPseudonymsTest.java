package io.murmuration.event;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HexFormat;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class UserPseudonymsTest {

  /** RFC 4231, test case 6, whose key is long enough. */
  @Test
  void areHmacSha256CutTo128Bits() {
    byte[] key = HexFormat.of().parseHex("aa".repeat(131));
    assertThat(new UserPseudonyms(key).of("Test Using Larger Than Block-Size Key - Hash Key First"))
        .isEqualTo("60e431591ee0b67f0d8a26aacbf5b77f");
  }

  @Test
  void differByUserAndByKey() {
    UserPseudonyms one = new UserPseudonyms(new byte[32]);
    UserPseudonyms other = new UserPseudonyms("x".repeat(32).getBytes(StandardCharsets.UTF_8));
    assertThat(IntStream.range(0, 1000).mapToObj(i -> one.of("user" + i)).distinct()).hasSize(1000);
    assertThat(one.of("ann")).isEqualTo(one.of("ann")).isNotEqualTo(other.of("ann"));
    assertThat(one.fingerprint()).hasSize(16).isNotEqualTo(other.fingerprint());
  }

  @Test
  void needAKeyThatNobodyGuesses(@TempDir Path directory) throws Exception {
    Path file = Files.write(directory.resolve("key"), new byte[31]);
    assertThatThrownBy(() -> UserPseudonyms.ofFile(file))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("at least 32 bytes but has 31")
        .hasMessageContaining(file.toString());
  }
}
