package io.murmuration.contribution;

import java.nio.ByteBuffer;
import java.nio.LongBuffer;
import java.security.GeneralSecurityException;
import java.security.SecureRandom;
import javax.crypto.Cipher;
import javax.crypto.spec.IvParameterSpec;
import javax.crypto.spec.SecretKeySpec;
import org.apache.commons.rng.UniformRandomProvider;

/**
 * Coins from an AES-256-CTR key stream whose key is drawn from {@link SecureRandom}.
 *
 * <p>Serialization carries no key: each copy draws its own at first use.
 */
final class SecureCoins implements Coins, UniformRandomProvider {

  private static final long serialVersionUID = 1L;
  private static final int KEY_BYTES = 32;
  private static final int BLOCK_BYTES = 16;
  private static final int BUFFER_BYTES = 4096;
  private static final byte[] ZEROS = new byte[BUFFER_BYTES];

  private transient Cipher cipher;
  private transient byte[] keyStream;
  private transient LongBuffer unused;

  @Override
  public UniformRandomProvider forUser(String userId) {
    return this;
  }

  @Override
  public long nextLong() {
    if (unused == null || !unused.hasRemaining()) {
      refill();
    }
    return unused.get();
  }

  private void refill() {
    try {
      if (cipher == null) {
        byte[] key = new byte[KEY_BYTES];
        new SecureRandom().nextBytes(key);
        cipher = Cipher.getInstance("AES/CTR/NoPadding");
        cipher.init(
            Cipher.ENCRYPT_MODE,
            new SecretKeySpec(key, "AES"),
            new IvParameterSpec(new byte[BLOCK_BYTES]));
        keyStream = new byte[BUFFER_BYTES];
        unused = ByteBuffer.wrap(keyStream).asLongBuffer();
      }
      cipher.update(ZEROS, 0, BUFFER_BYTES, keyStream, 0);
      unused.rewind();
    } catch (GeneralSecurityException e) {
      throw new IllegalStateException("This Java runtime offers no AES-256-CTR", e);
    }
  }
}
