package io.murmuration.model;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.util.Arrays;
import java.util.List;
import java.util.function.Function;

/**
 * Writes a Hugging Face model directory: configuration and tokenizer copied from the model's own,
 * weights as {@code model.safetensors} in float32, tensor by tensor, so that files beyond 2 GB need
 * no such heap.
 */
final class ModelDirectoryWriter {

  /** The block is as long as that of {@link Checkpoint}. */
  private static final int BLOCK_ELEMENTS = 1 << 18;

  /** Data begin at a multiple of so many bytes, as the reference implementation has it. */
  private static final int ALIGNMENT = 8;

  private ModelDirectoryWriter() {}

  /**
   * Writes a model whose weights were all trained.
   *
   * @param target a directory; created if absent; must not hold weights yet
   * @param parameters flat, in the order of {@link AllParameters#tensors()}
   */
  public static void write(Path target, AllParameters trained, float[] parameters)
      throws IOException {
    long[] offset = {0};
    write(
        target,
        trained.model(),
        tensor -> {
          int from = Math.toIntExact(offset[0]);
          offset[0] += tensor.size();
          return Arrays.copyOfRange(parameters, from, Math.toIntExact(offset[0]));
        });
  }

  /**
   * Writes base and adapter as one plain model: W + scale · B A in every adapted linear map.
   *
   * @param parameters flat, in the order of {@link LoraParameters#tensors()}
   */
  public static void writeMerged(Path target, LoraParameters lora, float[] parameters)
      throws IOException {
    write(target, lora.model(), tensor -> lora.merged(tensor.name(), parameters));
  }

  /** Values are asked for in the order of the model's tensors, once each. */
  private static void write(Path target, LanguageModel model, Function<TensorSpec, float[]> values)
      throws IOException {
    Files.createDirectories(target);
    if (Files.exists(target.resolve(Checkpoint.SINGLE_FILE))) {
      throw new IllegalArgumentException(
          target + " already holds " + Checkpoint.SINGLE_FILE + "; choose another directory");
    }
    byte[] config = ModelDirectory.config(model.directory(), model.description());
    for (String name : ModelDirectory.COMPANIONS) {
      Path source = model.directory().resolve(name);
      if (Files.exists(source)
          && !source.toAbsolutePath().equals(target.resolve(name).toAbsolutePath())) {
        Files.copy(source, target.resolve(name), StandardCopyOption.REPLACE_EXISTING);
      }
    }
    Files.write(target.resolve(ModelDirectory.CONFIG), config);
    List<TensorSpec> tensors = model.description().tensors();
    Path partial = target.resolve(Checkpoint.SINGLE_FILE + ".partial");
    try (FileChannel channel =
        FileChannel.open(
            partial,
            StandardOpenOption.CREATE,
            StandardOpenOption.TRUNCATE_EXISTING,
            StandardOpenOption.WRITE)) {
      writeFully(channel, header(tensors));
      for (TensorSpec tensor : tensors) {
        writeFloats(channel, values.apply(tensor));
      }
    }
    Files.move(partial, target.resolve(Checkpoint.SINGLE_FILE), StandardCopyOption.ATOMIC_MOVE);
  }

  private static ByteBuffer header(List<TensorSpec> tensors) throws IOException {
    ObjectMapper json = new ObjectMapper();
    ObjectNode header = json.createObjectNode();
    header.putObject("__metadata__").put("format", "pt");
    long offset = 0;
    for (TensorSpec tensor : tensors) {
      ObjectNode entry = header.putObject(tensor.name());
      entry.put("dtype", ElementType.F32.name());
      tensor.shape().forEach(entry.putArray("shape")::add);
      long end = offset + tensor.size() * Float.BYTES;
      entry.putArray("data_offsets").add(offset).add(end);
      offset = end;
    }
    StringBuilder text = new StringBuilder(json.writeValueAsString(header));
    byte[] unpadded = text.toString().getBytes(StandardCharsets.UTF_8);
    text.append(" ".repeat((ALIGNMENT - unpadded.length % ALIGNMENT) % ALIGNMENT));
    byte[] bytes = text.toString().getBytes(StandardCharsets.UTF_8);
    return ByteBuffer.allocate(Long.BYTES + bytes.length)
        .order(ByteOrder.LITTLE_ENDIAN)
        .putLong(bytes.length)
        .put(bytes)
        .flip();
  }

  private static void writeFloats(FileChannel channel, float[] values) throws IOException {
    ByteBuffer block =
        ByteBuffer.allocateDirect(Float.BYTES * Math.min(values.length, BLOCK_ELEMENTS))
            .order(ByteOrder.LITTLE_ENDIAN);
    for (int first = 0; first < values.length; first += BLOCK_ELEMENTS) {
      int count = Math.min(BLOCK_ELEMENTS, values.length - first);
      block.clear();
      block.asFloatBuffer().put(values, first, count);
      block.limit(Float.BYTES * count);
      writeFully(channel, block);
    }
  }

  private static void writeFully(FileChannel channel, ByteBuffer bytes) throws IOException {
    while (bytes.hasRemaining()) {
      channel.write(bytes);
    }
  }
}
