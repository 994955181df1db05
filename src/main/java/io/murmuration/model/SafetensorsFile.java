package io.murmuration.model;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import java.io.Closeable;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.LongBuffer;
import java.nio.channels.FileChannel;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Collections;
import java.util.Comparator;
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
 * <p>Long because every fault that a file can have is refused here, by name.
 *
 * @see <a href="https://huggingface.co/docs/safetensors">the format</a>
 */
final class SafetensorsFile implements Closeable {

  private static final String METADATA = "__metadata__";

  /** The reference implementation's limit; a longer header is a corrupt length field. */
  private static final long MAX_HEADER_BYTES = 100_000_000;

  /** Elements that are read at a time into a Java array. */
  private static final int HEAP_BLOCK_ELEMENTS = 1 << 14;

  /** The exponents of the two float32 that lie in eight bytes. */
  private static final long EXPONENTS = 0x7f800000_7f800000L;

  private static final long LOWEST_OF_EXPONENTS = 0x00800000_00800000L;
  private static final long SIGNS = 0x80000000_80000000L;

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
    requireNoHoles(path, regions.values(), length - dataStart);
    return new SafetensorsFile(path, channel, dataStart, regions, metadata);
  }

  /** Requires, as the reference implementation does, that every byte belongs to one tensor. */
  private static void requireNoHoles(Path path, Collection<Region> regions, long dataBytes) {
    long end = 0;
    for (Region region :
        regions.stream()
            .sorted(Comparator.comparingLong(Region::begin).thenComparingLong(Region::end))
            .toList()) {
      if (region.begin() != end) {
        throw new ModelFormatException(
            "%s: tensor %s: expected its data to begin at %d, where that of another ends, found %d"
                .formatted(path, region.spec().name(), end, region.begin()));
      }
      end = region.end();
    }
    if (end != dataBytes) {
      throw new ModelFormatException(
          "%s: expected %d data bytes, which the header's tensors have, found %d"
              .formatted(path, end, dataBytes));
    }
  }

  private static JsonNode header(Path path, ByteBuffer bytes) {
    try {
      JsonNode header =
          ModelConfig.JSON.readTree(StandardCharsets.UTF_8.newDecoder().decode(bytes).toString());
      if (!header.isObject()) {
        throw new ModelFormatException(path + ": expected a JSON object as header");
      }
      return header;
    } catch (CharacterCodingException e) {
      throw new ModelFormatException(path + ": expected a header in UTF-8");
    } catch (JsonProcessingException e) {
      throw new ModelFormatException(path + ": expected a JSON header: " + e.getOriginalMessage());
    }
  }

  private static Region region(Path path, String name, JsonNode node, long dataBytes) {
    JsonNode offsets = node.path("data_offsets");
    if (!node.path("shape").isArray() || offsets.size() != 2) {
      throw new ModelFormatException(
          path + ": tensor " + name + ": expected dtype, shape and data_offsets, found " + node);
    }
    List<Long> shape = new ArrayList<>();
    for (JsonNode dimension : node.path("shape")) {
      if (!dimension.canConvertToExactIntegral()
          || !dimension.canConvertToLong()
          || dimension.longValue() < 0) {
        throw new ModelFormatException(
            "%s: tensor %s: expected whole numbers as shape, found %s"
                .formatted(path, name, node.path("shape")));
      }
      shape.add(dimension.longValue());
    }
    TensorSpec spec = new TensorSpec(name, shape);
    try {
      spec.size();
    } catch (ArithmeticException e) {
      throw new ModelFormatException(
          "%s: tensor %s: expected fewer elements than shape %s has".formatted(path, name, shape));
    }
    long begin = offset(offsets.get(0));
    long end = offset(offsets.get(1));
    if (begin < 0 || end < begin || end > dataBytes) {
      throw new ModelFormatException(
          String.format(
              "%s: tensor %s: expected its data within the file's %d data bytes, found [%d, %d);"
                  + " the file is truncated",
              path, name, dataBytes, begin, end));
    }
    return new Region(spec, node.path("dtype").asText(), begin, end);
  }

  /** -1 for what is none. */
  private static long offset(JsonNode node) {
    return node.canConvertToExactIntegral() && node.canConvertToLong() ? node.longValue() : -1;
  }

  /** The file's path. */
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
    return whole(name, this::read);
  }

  /**
   * The same, for values that must be numbers.
   *
   * @throws ModelFormatException naming tensor and element if one is infinite or not a number
   */
  float[] readFinite(String name) throws IOException {
    return whole(name, this::readFinite);
  }

  /** One of the ways to read a block. */
  private interface BlockReader {
    void read(String name, long first, ByteBuffer target) throws IOException;
  }

  private float[] whole(String name, BlockReader reader) throws IOException {
    float[] values = array(name);
    ByteBuffer block =
        ByteBuffer.allocate(Float.BYTES * Math.min(values.length, HEAP_BLOCK_ELEMENTS))
            .order(ByteOrder.LITTLE_ENDIAN);
    for (int first = 0; first < values.length; first += HEAP_BLOCK_ELEMENTS) {
      int count = Math.min(HEAP_BLOCK_ELEMENTS, values.length - first);
      block.clear().limit(Float.BYTES * count);
      reader.read(name, first, block);
      block.asFloatBuffer().get(values, first, count);
    }
    return values;
  }

  /** Makes the array for the whole of a tensor, once it is sure that the file holds so much. */
  private float[] array(String name) {
    Region region = region(name);
    requireBytes(region, type(region));
    if (region.spec().size() > Integer.MAX_VALUE - Long.BYTES) {
      throw new ModelFormatException(
          "%s: tensor %s: expected at most 2^31 elements, found shape %s"
              .formatted(path, name, region.spec().shape()));
    }
    return new float[(int) region.spec().size()];
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
    requireBytes(region, type);
    int count = target.remaining() / Float.BYTES;
    // stored at the end of the target, widened from its beginning
    ByteBuffer stored = target.duplicate();
    stored.position(target.limit() - count * type.bytes());
    readFully(stored, dataStart + region.begin() + first * type.bytes());
    type.widenInPlace(target, count);
  }

  private void requireBytes(Region region, ElementType type) {
    if (Math.multiplyHigh(region.spec().size(), type.bytes()) != 0
        || region.spec().size() * type.bytes() != region.end() - region.begin()) {
      throw new ModelFormatException(
          String.format(
              "%s: tensor %s: expected %d elements of %s for shape %s, found %d bytes",
              path,
              region.spec().name(),
              region.spec().size(),
              type,
              region.spec().shape(),
              region.end() - region.begin()));
    }
  }

  /**
   * The same, for values that must be numbers.
   *
   * @throws ModelFormatException naming tensor and element if one is infinite or not a number
   */
  void readFinite(String name, long first, ByteBuffer target) throws IOException {
    read(name, first, target);
    ByteBuffer bits = target.duplicate().order(ByteOrder.LITTLE_ENDIAN);
    LongBuffer pairs = bits.asLongBuffer();
    long carries = 0;
    while (pairs.hasRemaining()) {
      // an exponent of ones, plus one, reaches the bit of the sign
      carries |= (pairs.get() & EXPONENTS) + LOWEST_OF_EXPONENTS;
    }
    boolean odd = bits.remaining() % Long.BYTES != 0;
    if ((carries & SIGNS) != 0
        || (odd && !Float.isFinite(bits.getFloat(bits.limit() - Float.BYTES)))) {
      throw notFinite(name, first, bits);
    }
  }

  private ModelFormatException notFinite(String name, long first, ByteBuffer values) {
    long element = first;
    float found = values.getFloat();
    while (Float.isFinite(found)) {
      found = values.getFloat();
      element++;
    }
    return new ModelFormatException(
        "%s: tensor %s: expected finite values, found %s at element %d"
            .formatted(path, name, found, element));
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
    for (ElementType type : ElementType.values()) {
      if (type.name().equals(region.dtype())) {
        return type;
      }
    }
    throw new ModelFormatException(
        "%s: tensor %s: expected dtype F32, F16 or BF16, found %s"
            .formatted(path, region.spec().name(), region.dtype()));
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
