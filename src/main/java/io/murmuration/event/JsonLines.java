package io.murmuration.event;

import java.io.BufferedInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;
import org.apache.commons.compress.compressors.gzip.GzipCompressorInputStream;

/**
 * Reads a file of JSON objects, one a line, and guesses nothing: what is not exactly one object in
 * UTF-8 is a {@link Fault} with its line, and reading goes on behind it.
 *
 * <table>
 * <caption>Edge cases</caption>
 * <tr><td>blank lines</td><td>passed over, and counted</td></tr>
 * <tr><td>a byte order mark of UTF-8 at the start</td><td>passed over</td></tr>
 * <tr><td>malformed UTF-8</td><td>fault: a replacement character would make two people one</td></tr>
 * <tr><td>a second value, or anything else, behind the object</td><td>fault</td></tr>
 * <tr><td>the same key twice</td><td>fault</td></tr>
 * <tr><td>a line of more than {@value #MAX_LINE_BYTES} bytes</td><td>fault</td></tr>
 * <tr><td>gzip, told by its first bytes, in any number of members</td><td>decompressed</td></tr>
 * <tr><td>a gzip file that is cut or damaged</td><td>{@link IOException} with file and line</td></tr>
 * </table>
 *
 * Not thread-safe.
 */
public final class JsonLines implements AutoCloseable {

  /** Longest line that is read. */
  public static final int MAX_LINE_BYTES = 16 << 20;

  /** Hides the cost of a call of the operating system. */
  private static final int BUFFER_BYTES = 1 << 16;

  private static final int GZIP_MAGIC = 0x1f8b;
  private static final byte[] BYTE_ORDER_MARK = {(byte) 0xef, (byte) 0xbb, (byte) 0xbf};

  private final InputStream in;
  private final String name;
  private final ByteArrayOutputStream line = new ByteArrayOutputStream();
  private final byte[] buffer = new byte[BUFFER_BYTES];
  private int position;
  private int filled;
  private long number;

  /** A line of the file, counted from 1. */
  public sealed interface Line permits Value, Fault {
    /** The number of the line. */
    long number();
  }

  /** A line that holds an object. */
  public record Value(long number, JsonObject object) implements Line {

    /**
     * A string that must be there.
     *
     * @throws IllegalArgumentException if it is not, or holds half of a surrogate pair
     */
    public String requiredText(String field) {
      return object.requiredText(FieldPath.of(field));
    }
  }

  /** A line that does not, with the reason. */
  public record Fault(long number, String reason) implements Line {

    /** Line, file and reason, for messages. */
    public String in(Object file) {
      return "line %d of %s: %s".formatted(number, file, reason);
    }
  }

  /**
   * Reads a stream.
   *
   * @param in plain or gzip; closed with this reader
   * @param name of the file, for messages
   * @throws IOException if not even its beginning can be read; {@code in} is then closed
   */
  public JsonLines(InputStream in, String name) throws IOException {
    this.name = name;
    try {
      this.in = plain(in);
    } catch (IOException e) {
      in.close();
      throw unreadable(e);
    }
  }

  /**
   * Opens a file.
   *
   * @throws IOException when it cannot be read
   */
  public static JsonLines open(Path file) throws IOException {
    return new JsonLines(Files.newInputStream(file), file.toString());
  }

  private static InputStream plain(InputStream raw) throws IOException {
    InputStream buffered = new BufferedInputStream(raw, BUFFER_BYTES);
    buffered.mark(Short.BYTES);
    byte[] magic = buffered.readNBytes(Short.BYTES);
    buffered.reset();
    if (magic.length < Short.BYTES || (ByteBuffer.wrap(magic).getShort() & 0xffff) != GZIP_MAGIC) {
      return buffered;
    }
    // unlike the JDK's it neither ends at the first member of a pipe nor swallows what follows
    return GzipCompressorInputStream.builder()
        .setInputStream(buffered)
        .setDecompressConcatenated(true)
        .get();
  }

  /**
   * The next line that is not blank, or nothing at the end.
   *
   * @throws IOException naming the file and the line that could not be read
   */
  public Optional<Line> next() throws IOException {
    for (boolean more = readLine(); more; more = readLine()) {
      if (line.size() > MAX_LINE_BYTES) {
        return fault("longer than %d bytes".formatted(MAX_LINE_BYTES));
      }
      String text;
      try {
        text = StandardCharsets.UTF_8.newDecoder().decode(bytes()).toString();
      } catch (CharacterCodingException e) {
        return fault(
            isUtf16()
                ? "UTF-16, as its byte order mark says; convert the file to UTF-8"
                : "not UTF-8; convert the file to it");
      }
      if (!text.isBlank()) {
        return Optional.of(parse(text));
      }
    }
    return Optional.empty();
  }

  private Optional<Line> fault(String reason) {
    return Optional.of(new Fault(number, reason));
  }

  /** The line, without the byte order mark of the first. */
  private ByteBuffer bytes() {
    ByteBuffer bytes = ByteBuffer.wrap(line.toByteArray());
    if (number == 1
        && bytes.remaining() >= BYTE_ORDER_MARK.length
        && bytes.slice(0, BYTE_ORDER_MARK.length).equals(ByteBuffer.wrap(BYTE_ORDER_MARK))) {
      bytes.position(BYTE_ORDER_MARK.length);
    }
    return bytes;
  }

  private boolean isUtf16() {
    byte[] bytes = line.toByteArray();
    return number == 1
        && bytes.length >= 2
        && ((bytes[0] & bytes[1] & 0xff) >= 0xfe && (bytes[0] ^ bytes[1]) == 1);
  }

  private Line parse(String text) {
    try {
      return new Value(number, JsonObject.parse(text));
    } catch (IllegalArgumentException e) {
      return new Fault(number, e.getMessage());
    }
  }

  /** Fills {@link #line}, without its end; of a line too long one byte too many is kept. */
  private boolean readLine() throws IOException {
    line.reset();
    if (position == filled && !fill()) {
      return false;
    }
    number++;
    do {
      int end = position;
      while (end < filled && buffer[end] != '\n') {
        end++;
      }
      line.write(buffer, position, Math.min(end - position, MAX_LINE_BYTES + 1 - line.size()));
      position = end;
      if (end < filled) {
        position++;
        return true;
      }
    } while (fill());
    return true;
  }

  /** Whether there is more. */
  private boolean fill() throws IOException {
    try {
      filled = Math.max(0, in.read(buffer));
    } catch (IOException e) {
      filled = 0;
      throw unreadable(e);
    } finally {
      position = 0;
    }
    return filled > 0;
  }

  private IOException unreadable(IOException cause) {
    return new IOException(
        "%s cannot be read beyond line %d, it is cut or damaged: %s"
            .formatted(name, number, cause.getMessage()),
        cause);
  }

  @Override
  public void close() throws IOException {
    in.close();
  }
}
