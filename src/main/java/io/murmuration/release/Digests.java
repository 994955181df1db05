package io.murmuration.release;

import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.DigestOutputStream;
import java.security.MessageDigest;
import java.util.HexFormat;
import java.util.SortedMap;
import org.apache.commons.codec.digest.DigestUtils;

/** SHA-256 of files and of whole releases, lower-case hexadecimal. */
public final class Digests {

  private Digests() {}

  /** The digest of one file. */
  public static String ofFile(byte[] content) {
    return DigestUtils.sha256Hex(content);
  }

  /** The digest of one file, which need not fit into memory. */
  public static String ofFile(Path file) throws IOException {
    try (InputStream in = Files.newInputStream(file)) {
      return DigestUtils.sha256Hex(in);
    }
  }

  /**
   * The digest of a release: over each file's name, length and content in the order of the names.
   * Lengths stand before what they measure, so that no two releases collide by moving a boundary.
   */
  public static String ofRelease(SortedMap<String, byte[]> files) {
    MessageDigest digest = DigestUtils.getSha256Digest();
    try {
      ReleaseArchive.write(files, new DigestOutputStream(OutputStream.nullOutputStream(), digest));
    } catch (IOException e) {
      throw new UncheckedIOException("nothing is written", e);
    }
    return HexFormat.of().formatHex(digest.digest());
  }
}
