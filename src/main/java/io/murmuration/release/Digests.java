package io.murmuration.release;

import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;
import java.util.SortedMap;

/** SHA-256 of files and of whole releases, lower-case hexadecimal. */
public final class Digests {

  private Digests() {}

  /** Of one file. */
  public static String ofFile(byte[] content) {
    return HexFormat.of().formatHex(sha256().digest(content));
  }

  /**
   * Of a release: over each file's name, length and content in the order of the names. Lengths
   * stand before what they measure, so that no two releases collide by moving a boundary.
   */
  public static String ofRelease(SortedMap<String, byte[]> files) {
    MessageDigest digest = sha256();
    files.forEach(
        (name, content) -> {
          byte[] nameBytes = name.getBytes(StandardCharsets.UTF_8);
          digest.update(ByteBuffer.allocate(Integer.BYTES).putInt(0, nameBytes.length));
          digest.update(nameBytes);
          digest.update(ByteBuffer.allocate(Integer.BYTES).putInt(0, content.length));
          digest.update(content);
        });
    return HexFormat.of().formatHex(digest.digest());
  }

  private static MessageDigest sha256() {
    try {
      return MessageDigest.getInstance("SHA-256");
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException("every Java platform has SHA-256", e);
    }
  }
}
