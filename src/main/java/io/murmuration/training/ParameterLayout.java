package io.murmuration.training;

import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.List;
import org.apache.commons.codec.digest.DigestUtils;

/**
 * Names and shapes of the trainable tensors, in the order in which they stand in the flat parameter
 * vector (row-major, one after the other).
 */
public record ParameterLayout(List<Entry> entries) {

  /**
   * One trainable tensor.
   *
   * @param name its name in a published checkpoint
   * @param shape its dimensions
   * @param offset index of its first element in the flat vector
   */
  public record Entry(String name, List<Long> shape, int offset) {

    public Entry {
      shape = List.copyOf(shape);
    }

    /** Number of elements. */
    public int size() {
      return Math.toIntExact(shape.stream().reduce(1L, Math::multiplyExact));
    }
  }

  public ParameterLayout {
    entries = List.copyOf(entries);
  }

  /** Lays tensors out one after the other. */
  public static ParameterLayout of(List<String> names, List<long[]> shapes) {
    List<Entry> entries = new ArrayList<>();
    int offset = 0;
    for (int i = 0; i < names.size(); i++) {
      Entry entry = new Entry(names.get(i), Arrays.stream(shapes.get(i)).boxed().toList(), offset);
      entries.add(entry);
      offset = Math.addExact(offset, entry.size());
    }
    return new ParameterLayout(entries);
  }

  /**
   * SHA-256 of names and shapes in order, in hexadecimal: two layouts of one length but of other
   * tensors, or in another order, differ in it.
   */
  public String digest() {
    MessageDigest sha256 = DigestUtils.getSha256Digest();
    for (Entry entry : entries) {
      // a name holds no line break, and a shape only numbers: no two layouts read the same
      sha256.update((entry.name() + " " + entry.shape() + "\n").getBytes(StandardCharsets.UTF_8));
    }
    return HexFormat.of().formatHex(sha256.digest());
  }

  /** Length of the flat vector. */
  public int size() {
    return entries.isEmpty()
        ? 0
        : entries.get(entries.size() - 1).offset() + entries.get(entries.size() - 1).size();
  }
}
