package io.murmuration.release;

import java.io.DataInputStream;
import java.io.DataOutputStream;
import java.io.EOFException;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.util.Map;
import java.util.SortedMap;
import java.util.TreeMap;

/**
 * A release as one sequence of bytes: each file's name, length and content in the order of the
 * names, lengths as big-endian 32-bit integers before what they measure. Its SHA-256 is the digest
 * of the release, see {@link Digests#ofRelease}.
 */
final class ReleaseArchive {

  private ReleaseArchive() {}

  static void write(SortedMap<String, byte[]> files, OutputStream target) throws IOException {
    DataOutputStream out = new DataOutputStream(target);
    for (Map.Entry<String, byte[]> file : files.entrySet()) {
      byte[] name = file.getKey().getBytes(StandardCharsets.UTF_8);
      out.writeInt(name.length);
      out.write(name);
      out.writeInt(file.getValue().length);
      out.write(file.getValue());
    }
    out.flush();
  }

  /**
   * The files by name.
   *
   * @throws IOException if the bytes are no such sequence
   */
  static SortedMap<String, byte[]> read(InputStream source) throws IOException {
    DataInputStream in = new DataInputStream(source);
    SortedMap<String, byte[]> files = new TreeMap<>();
    for (int first = in.read(); first >= 0; first = in.read()) {
      byte[] rest = exactly(in, Integer.BYTES - 1);
      int nameLength =
          first << 24 | (rest[0] & 0xff) << 16 | (rest[1] & 0xff) << 8 | (rest[2] & 0xff);
      String name = new String(exactly(in, nameLength), StandardCharsets.UTF_8);
      files.put(name, exactly(in, in.readInt()));
    }
    return files;
  }

  /** Takes no more memory than there are bytes, whatever a damaged length says. */
  private static byte[] exactly(InputStream in, int length) throws IOException {
    if (length < 0) {
      throw new IOException("a length must not be negative but is " + length);
    }
    byte[] bytes = in.readNBytes(length);
    if (bytes.length < length) {
      throw new EOFException(
          "%d bytes are expected but %d are left".formatted(length, bytes.length));
    }
    return bytes;
  }
}
