package io.murmuration.release;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.json.JsonMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.Collection;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/**
 * Writes float32 tensors as a safetensors file: the header's length as a little-endian 64-bit
 * number, the header as JSON padded with spaces to a multiple of 8, the data (format description in
 * the safetensors repository's README).
 *
 * <p>Equal tensors give equal bytes, whatever their order: tensors and metadata are sorted by name.
 */
public final class SafetensorsWriter {

  private static final JsonMapper JSON = new JsonMapper();

  /** Data begin at a multiple of so many bytes, as the reference implementation has it. */
  private static final int ALIGNMENT = 8;

  private SafetensorsWriter() {}

  /**
   * The file's bytes.
   *
   * @param metadata free text for the header's {@code __metadata__}
   * @param tensors at most 2 GB together, with distinct names
   */
  public static byte[] write(Map<String, String> metadata, Collection<NamedTensor> tensors) {
    List<NamedTensor> sorted =
        tensors.stream().sorted(Comparator.comparing(NamedTensor::name)).toList();
    byte[] header = header(metadata, sorted).getBytes(StandardCharsets.UTF_8);
    int paddedLength = (header.length + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
    long dataLength =
        sorted.stream().mapToLong(tensor -> (long) tensor.values().length * Float.BYTES).sum();
    ByteBuffer file =
        ByteBuffer.allocate(Math.toIntExact(Long.BYTES + paddedLength + dataLength))
            .order(ByteOrder.LITTLE_ENDIAN);
    file.putLong(paddedLength).put(header);
    while (file.position() < Long.BYTES + paddedLength) {
      file.put((byte) ' ');
    }
    for (NamedTensor tensor : sorted) {
      file.asFloatBuffer().put(tensor.values());
      file.position(file.position() + tensor.values().length * Float.BYTES);
    }
    return file.array();
  }

  private static String header(Map<String, String> metadata, List<NamedTensor> tensors) {
    ObjectNode header = JSON.createObjectNode();
    ObjectNode meta = header.putObject("__metadata__");
    new TreeMap<>(metadata).forEach(meta::put);
    long offset = 0;
    for (NamedTensor tensor : tensors) {
      if (header.has(tensor.name())) {
        throw new IllegalArgumentException("two tensors have the name " + tensor.name());
      }
      ObjectNode entry = header.putObject(tensor.name());
      entry.put("dtype", "F32");
      tensor.shape().forEach(entry.putArray("shape")::add);
      long end = offset + (long) tensor.values().length * Float.BYTES;
      entry.putArray("data_offsets").add(offset).add(end);
      offset = end;
    }
    try {
      return JSON.writeValueAsString(header);
    } catch (JsonProcessingException e) {
      throw new IllegalStateException("a tree of texts and numbers can be written as JSON", e);
    }
  }
}
