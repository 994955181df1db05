package io.murmuration.release;

import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;
import java.util.SortedMap;

/** SHA-256 of files and of whole releases, lower-case hexadecimal. */
public final class Digests {

  private static final int BLOCK_BYTES = 1 << 20;

  private Digests() {}

  /** Of one file. */
  public static String ofFile(byte[] content) {
    return HexFormat.of().formatHex(sha256().digest(content));
  }

  /** Of one file, which need not fit into memory. */
  public static String ofFile(Path file) throws IOException {
    MessageDigest digest = sha256();
    byte[] block = new byte[BLOCK_BYTES];
    try (InputStream in = Files.newInputStream(file)) {
      for (int read = in.read(block); read >= 0; read = in.read(block)) {
        digest.update(block, 0, read);
      }
    }
    return HexFormat.of().formatHex(digest.digest());
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
