package io.murmuration.privacy.noise;

import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.nio.ByteOrder;
import java.security.GeneralSecurityException;
import java.security.SecureRandom;
import java.util.Arrays;
import javax.crypto.Cipher;
import javax.crypto.spec.IvParameterSpec;
import javax.crypto.spec.SecretKeySpec;
import org.apache.commons.rng.UniformRandomProvider;

/**
 * Cryptographic random bits fast enough for one per model parameter: the keystream of AES-256 in
 * counter mode (NIST SP 800-38A, section 6.5) under a key that the operating system's {@link
 * SecureRandom} draws for each instance and that never leaves it. The state cannot be saved, so no
 * restore can replay it. Noise and the randomness of sampling come from here.
 *
 * <p>The counter starts at zero, which is sound because the key is used for one stream only; one
 * stream yields 2¹²⁸ blocks. Bits that were handed out are erased from the buffer at the next
 * refill.
 *
 * <p>Used by one thread.
 */
public final class SecureRandomSource implements UniformRandomProvider {

  private static final int KEY_BYTES = 32;
  private static final int BLOCK_BYTES = 16;

  /**
   * A buffer large enough to hide the cost of a JCA call, and small enough for the second-level
   * cache.
   */
  private static final int LARGE_BUFFER_BYTES = 64 * 1024;

  /**
   * The buffer of whoever draws few bits and keeps the source: less to compute before the first of
   * them.
   */
  private static final int SMALL_BUFFER_BYTES = 4 * 1024;

  private static final byte[] ZEROS = new byte[LARGE_BUFFER_BYTES];
  private static final VarHandle LONGS =
      MethodHandles.byteArrayViewVarHandle(long[].class, ByteOrder.LITTLE_ENDIAN);

  private final Cipher keystream;
  private final byte[] buffer;
  private int position;

  /**
   * Keys a new stream, for many bits.
   *
   * @throws IllegalStateException if this Java runtime lacks AES/CTR
   */
  public SecureRandomSource() {
    this(freshKey(), LARGE_BUFFER_BYTES);
  }

  /**
   * Keys a new stream, for few bits.
   *
   * @throws IllegalStateException if this Java runtime lacks AES/CTR
   */
  public static SecureRandomSource forFewBits() {
    return new SecureRandomSource(freshKey(), SMALL_BUFFER_BYTES);
  }

  /** A source with a key that a known-answer test chose. */
  SecureRandomSource(byte[] key) {
    this(key, LARGE_BUFFER_BYTES);
  }

  private SecureRandomSource(byte[] key, int bufferBytes) {
    buffer = new byte[bufferBytes];
    position = bufferBytes;
    try {
      keystream = Cipher.getInstance("AES/CTR/NoPadding");
      keystream.init(
          Cipher.ENCRYPT_MODE,
          new SecretKeySpec(key, "AES"),
          new IvParameterSpec(new byte[BLOCK_BYTES]));
    } catch (GeneralSecurityException e) {
      throw new IllegalStateException(
          "Secure random bits need AES/CTR/NoPadding with 256-bit keys, which this Java runtime"
              + " does not offer; run on a JDK whose SunJCE provider is enabled",
          e);
    } finally {
      Arrays.fill(key, (byte) 0);
    }
  }

  private static byte[] freshKey() {
    byte[] key = new byte[KEY_BYTES];
    new SecureRandom().nextBytes(key);
    return key;
  }

  @Override
  public long nextLong() {
    if (position == buffer.length) {
      refill();
    }
    long bits = (long) LONGS.get(buffer, position);
    position += Long.BYTES;
    return bits;
  }

  private void refill() {
    try {
      int written = keystream.update(ZEROS, 0, buffer.length, buffer, 0);
      if (written != buffer.length) {
        throw new IllegalStateException(
            "The AES keystream gave %d of %d bytes".formatted(written, buffer.length));
      }
      position = 0;
    } catch (GeneralSecurityException e) {
      throw new IllegalStateException("The AES keystream failed", e);
    }
  }
}
