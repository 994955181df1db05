package io.murmuration.model;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.Closeable;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * Reads one safetensors file: an 8-byte little-endian header length, a JSON header (name to dtype,
 * shape, byte range), then the data.
 *
 * <p>Data is read into the caller's memory and widened there, so files and tensors may exceed 2 GB
 * and nothing is held beside it. Thread-safe.
 *
 * @see <a href="https://huggingface.co/docs/safetensors">the format</a>
 */
public final class SafetensorsFile implements Closeable {

  private static final ObjectMapper JSON = new ObjectMapper();
  private static final String METADATA = "__metadata__";

  /** The reference implementation's limit; a longer header is a corrupt length field. */
  private static final long MAX_HEADER_BYTES = 100_000_000;

  /** Elements that are read at a time into a Java array. */
  private static final int HEAP_BLOCK_ELEMENTS = 1 << 14;

  private record Region(TensorSpec spec, String dtype, long begin, long end) {}

  private final Path path;
  private final FileChannel channel;
  private final long dataStart;
  private final Map<String, Region> regions;
  private final Map<String, String> metadata;

  private SafetensorsFile(
      Path path,
      FileChannel channel,
      long dataStart,
      Map<String, Region> regions,
      Map<String, String> metadata) {
    this.path = path;
    this.channel = channel;
    this.dataStart = dataStart;
    this.regions = regions;
    this.metadata = metadata;
  }

  /**
   * Opens a file and checks its header against its length.
   *
   * @throws ModelFormatException if the file is truncated or its header contradicts itself
   */
  public static SafetensorsFile open(Path path) throws IOException {
    FileChannel channel = FileChannel.open(path, StandardOpenOption.READ);
    try {
      return read(path, channel);
    } catch (IOException | RuntimeException e) {
      channel.close();
      throw e;
    }
  }

  private static SafetensorsFile read(Path path, FileChannel channel) throws IOException {
    long length = channel.size();
    if (length < Long.BYTES) {
      throw new ModelFormatException(
          path + ": expected a safetensors header of at least 8 bytes, found " + length + " bytes");
    }
    long headerBytes = header(channel, 0, Long.BYTES).getLong(0);
    if (headerBytes < 2 || headerBytes > MAX_HEADER_BYTES || headerBytes > length - Long.BYTES) {
      throw new ModelFormatException(
          path
              + ": expected a header that fits the file, found a header of "
              + headerBytes
              + " bytes in a file of "
              + length
              + "; the file is truncated or not in safetensors format");
    }
    JsonNode header = header(path, header(channel, Long.BYTES, (int) headerBytes));
    long dataStart = Long.BYTES + headerBytes;
    Map<String, Region> regions = new LinkedHashMap<>();
    Map<String, String> metadata = new LinkedHashMap<>();
    for (Map.Entry<String, JsonNode> field : header.properties()) {
      if (field.getKey().equals(METADATA)) {
        field.getValue().properties().forEach(e -> metadata.put(e.getKey(), e.getValue().asText()));
      } else {
        regions.put(
            field.getKey(), region(path, field.getKey(), field.getValue(), length - dataStart));
      }
    }
    return new SafetensorsFile(path, channel, dataStart, regions, metadata);
  }

  private static JsonNode header(Path path, ByteBuffer bytes) {
    try {
      JsonNode header = JSON.readTree(StandardCharsets.UTF_8.decode(bytes).toString());
      if (!header.isObject()) {
        throw new ModelFormatException(path + ": expected a JSON object as header");
      }
      return header;
    } catch (JsonProcessingException e) {
      throw new ModelFormatException(path + ": expected a JSON header: " + e.getMessage(), e);
    }
  }

  private static Region region(Path path, String name, JsonNode node, long dataBytes) {
    JsonNode offsets = node.path("data_offsets");
    if (!node.path("shape").isArray() || offsets.size() != 2) {
      throw new ModelFormatException(
          path + ": tensor " + name + ": expected dtype, shape and data_offsets, found " + node);
    }
    List<Long> shape = new ArrayList<>();
    node.path("shape").forEach(n -> shape.add(n.asLong(-1)));
    long begin = offsets.get(0).asLong(-1);
    long end = offsets.get(1).asLong(-1);
    if (begin < 0 || end < begin || end > dataBytes) {
      throw new ModelFormatException(
          String.format(
              "%s: tensor %s: expected its data within the file's %d data bytes, found [%d, %d);"
                  + " the file is truncated",
              path, name, dataBytes, begin, end));
    }
    return new Region(new TensorSpec(name, shape), node.path("dtype").asText(), begin, end);
  }

  /** Where the file is. */
  Path path() {
    return path;
  }

  /** Names and shapes, in the order of the header. */
  public List<TensorSpec> tensors() {
    return regions.values().stream().map(Region::spec).toList();
  }

  /** The file's own free-form metadata; empty if it has none. */
  public Map<String, String> metadata() {
    return Collections.unmodifiableMap(metadata);
  }

  /**
   * Reads a whole tensor, widened to float32.
   *
   * @throws ModelFormatException if it is missing, of a type that is not f32, f16 or bf16, or if
   *     its byte range contradicts its shape
   */
  public float[] read(String name) throws IOException {
    float[] values = new float[Math.toIntExact(spec(name).size())];
    ByteBuffer block =
        ByteBuffer.allocate(Float.BYTES * Math.min(values.length, HEAP_BLOCK_ELEMENTS))
            .order(ByteOrder.LITTLE_ENDIAN);
    for (int first = 0; first < values.length; first += HEAP_BLOCK_ELEMENTS) {
      int count = Math.min(HEAP_BLOCK_ELEMENTS, values.length - first);
      block.clear().limit(Float.BYTES * count);
      read(name, first, block);
      block.asFloatBuffer().get(values, first, count);
    }
    return values;
  }

  /** Shape of a tensor that must be there. */
  TensorSpec spec(String name) {
    return region(name).spec();
  }

  /**
   * Reads a part of a tensor in row-major order, widened to float32.
   *
   * @param first index of the first element
   * @param target little-endian; filled from its position to its limit with as many elements as
   *     that holds; both stay as they are
   */
  void read(String name, long first, ByteBuffer target) throws IOException {
    Region region = region(name);
    ElementType type = type(region);
    if (Math.multiplyExact(region.spec().size(), (long) type.bytes())
        != region.end() - region.begin()) {
      throw new ModelFormatException(
          String.format(
              "%s: tensor %s: expected %d elements of %s for shape %s, found %d bytes",
              path,
              name,
              region.spec().size(),
              type,
              region.spec().shape(),
              region.end() - region.begin()));
    }
    int count = target.remaining() / Float.BYTES;
    // stored at the end of the target, widened from its beginning
    ByteBuffer stored = target.duplicate();
    stored.position(target.limit() - count * type.bytes());
    readFully(stored, dataStart + region.begin() + first * type.bytes());
    type.widenInPlace(target, count);
  }

  private void readFully(ByteBuffer target, long position) throws IOException {
    long at = position;
    while (target.hasRemaining()) {
      int read = channel.read(target, at);
      if (read < 0) {
        throw new ModelFormatException(
            path + ": expected data at byte " + at + ", found the end; the file is truncated");
      }
      at += read;
    }
  }

  private Region region(String name) {
    Region region = regions.get(name);
    if (region == null) {
      throw new ModelFormatException(path + ": tensor " + name + ": expected, not found");
    }
    return region;
  }

  private ElementType type(Region region) {
    try {
      return ElementType.valueOf(region.dtype());
    } catch (IllegalArgumentException e) {
      throw new ModelFormatException(
          path
              + ": tensor "
              + region.spec().name()
              + ": expected dtype F32, F16 or BF16, found "
              + region.dtype(),
          e);
    }
  }

  private static ByteBuffer header(FileChannel channel, long position, int size)
      throws IOException {
    ByteBuffer bytes = ByteBuffer.allocate(size).order(ByteOrder.LITTLE_ENDIAN);
    while (bytes.hasRemaining() && channel.read(bytes, position + bytes.position()) >= 0) {
      // the file's length has been compared
    }
    return bytes.flip();
  }

  @Override
  public void close() throws IOException {
    channel.close();
  }
}
