package io.murmuration.event;

import java.io.IOException;
import java.io.Serializable;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.GeneralSecurityException;
import java.util.HexFormat;
import javax.crypto.Mac;
import javax.crypto.spec.SecretKeySpec;

/**
 * Names that say nothing of whom they name: HMAC-SHA-256 of the id in UTF-8 under a secret key, cut
 * to 128 bits. Counts that are kept for ever are kept under them. Two ids share one with a
 * probability below 10⁻²⁰ among a billion.
 *
 * <p>The key travels in the job graph, which is as secret as the texts in the job's state.
 */
public final class UserPseudonyms implements Serializable {

  private static final long serialVersionUID = 1L;

  /** Shorter keys could be guessed from the fingerprint, which is public. */
  public static final int MIN_KEY_BYTES = 32;

  private static final String ALGORITHM = "HmacSHA256";
  private static final int PSEUDONYM_BYTES = 16;
  private static final int FINGERPRINT_BYTES = 8;

  /** No user id: these have bytes of UTF-8 alone. */
  private static final byte[] FINGERPRINT_LABEL = {(byte) 0xff};

  private final byte[] key;

  private transient Mac mac;

  /**
   * Names under a key.
   *
   * @throws IllegalArgumentException if it is shorter than {@link #MIN_KEY_BYTES}
   */
  public UserPseudonyms(byte[] key) {
    if (key.length < MIN_KEY_BYTES) {
      throw new IllegalArgumentException(
          "the key of user ids must have at least %d bytes but has %d; make one with: head -c 32 /dev/urandom"
              .formatted(MIN_KEY_BYTES, key.length));
    }
    this.key = key.clone();
  }

  /** Names under the key that is the content of a file. */
  public static UserPseudonyms ofFile(Path file) throws IOException {
    try {
      return new UserPseudonyms(Files.readAllBytes(file));
    } catch (IllegalArgumentException e) {
      throw new IllegalArgumentException("%s: %s".formatted(file, e.getMessage()), e);
    }
  }

  /** Names the key and says nothing of it: 16 hexadecimal digits. */
  public String fingerprint() {
    return digits(FINGERPRINT_LABEL, FINGERPRINT_BYTES);
  }

  /** The name of a user: 32 hexadecimal digits. Not thread-safe. */
  public String of(String userId) {
    return digits(userId.getBytes(StandardCharsets.UTF_8), PSEUDONYM_BYTES);
  }

  /** The first 64 bits of that name, by which users take turns. Not thread-safe. */
  public long hash(String userId) {
    return Long.parseUnsignedLong(of(userId).substring(0, Long.BYTES * 2), /* radix= */ 16);
  }

  private String digits(byte[] message, int bytes) {
    try {
      if (mac == null) {
        mac = Mac.getInstance(ALGORITHM);
        mac.init(new SecretKeySpec(key, ALGORITHM));
      }
      return HexFormat.of().formatHex(mac.doFinal(message), 0, bytes);
    } catch (GeneralSecurityException e) {
      throw new IllegalStateException("Every JDK has " + ALGORITHM, e);
    }
  }
}
