package io.murmuration.privacy.noise;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Arrays;
import java.util.HexFormat;
import org.junit.jupiter.api.Test;

class SecureRandomSourceTest {

  @Test
  void isTheAes256CounterKeystream() {
    // blocks 0 and 1 under the zero key, as OpenSSL's aes-256-ctr gives them
    SecureRandomSource source = new SecureRandomSource(new byte[32]);

    ByteBuffer blocks = ByteBuffer.allocate(32).order(ByteOrder.LITTLE_ENDIAN);
    for (int i = 0; i < 4; i++) {
      blocks.putLong(source.nextLong());
    }

    assertThat(HexFormat.of().formatHex(blocks.array()))
        .isEqualTo("dc95c078a2408989ad48a21492842087530f8afbc74536b9a963b4f1c4cb738b");
  }

  @Test
  void aRefillContinuesTheStream() {
    SecureRandomSource source = new SecureRandomSource(new byte[32]);
    long[] first = longs(source, 8192);
    long[] second = longs(source, 8192);

    assertThat(second).doesNotContain(first[0]).isNotEqualTo(first);
  }

  @Test
  void everyInstanceHasAKeyOfItsOwn() {
    assertThat(longs(new SecureRandomSource(), 4)).isNotEqualTo(longs(new SecureRandomSource(), 4));
  }

  @Test
  void forgetsTheKeyItWasGiven() {
    byte[] key = new byte[32];
    Arrays.fill(key, (byte) 7);

    new SecureRandomSource(key);

    assertThat(key).containsOnly(0);
  }

  /** Buffers of another size, and refills on other boundaries, of the same kind of stream. */
  @Test
  void aSourceForFewBitsRefillsAsWell() {
    SecureRandomSource source = SecureRandomSource.forFewBits();
    long[] first = longs(source, 512);
    long[] second = longs(source, 512);

    assertThat(second).doesNotContain(first[0]).isNotEqualTo(first);
    assertThat(longs(SecureRandomSource.forFewBits(), 4)).isNotEqualTo(Arrays.copyOf(first, 4));
  }

  private static long[] longs(SecureRandomSource source, int count) {
    long[] longs = new long[count];
    Arrays.setAll(longs, i -> source.nextLong());
    return longs;
  }
}
