package io.murmuration.model;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Arrays;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class SafetensorsFileTest {

  @TempDir Path directory;

  @Test
  void halfPrecisionTypesAreWidenedExactly() throws IOException {
    ByteBuffer data = ByteBuffer.allocate(16).order(ByteOrder.LITTLE_ENDIAN);
    for (int half : new int[] {0x3c00, 0xc000, 0x0001, 0x7c00}) {
      data.putShort((short) half);
    }
    for (int brain : new int[] {0x3f80, 0xc000, 0x0001, 0x7f80}) {
      data.putShort((short) brain);
    }
    Path file =
        AdapterFixture.safetensors(
            directory.resolve("w.safetensors"),
            """
            {"__metadata__":{"format":"pt"},
             "half":{"dtype":"F16","shape":[2,2],"data_offsets":[0,8]},
             "brain":{"dtype":"BF16","shape":[4],"data_offsets":[8,16]}}\
            """,
            data.array());
    try (SafetensorsFile weights = SafetensorsFile.open(file)) {
      assertThat(weights.metadata()).containsEntry("format", "pt");
      assertThat(weights.tensors())
          .containsExactly(TensorSpec.of("half", 2, 2), TensorSpec.of("brain", 4));
      assertThat(weights.read("half")).containsExactly(1, -2, 0x1p-24f, Float.POSITIVE_INFINITY);
      assertThat(weights.read("brain"))
          .containsExactly(1, -2, Float.intBitsToFloat(0x10000), Float.POSITIVE_INFINITY);
      assertThat(part(weights, "brain", 1, 2)).containsExactly(-2, Float.intBitsToFloat(0x10000));
    }
  }

  /** More than a block of them, so that what is widened overlaps what is still to be read. */
  @Test
  void longTensorsAreWidenedWhereTheyStand() throws IOException {
    int count = 5_000;
    Random random = new Random(4);
    ByteBuffer data = bytes(2 * Short.BYTES * count);
    for (int i = 0; i < 2 * count; i++) {
      data.putShort((short) random.nextInt());
    }
    Path file =
        AdapterFixture.safetensors(
            directory.resolve("w.safetensors"),
            """
            {"half":{"dtype":"F16","shape":[5000],"data_offsets":[0,10000]},
             "brain":{"dtype":"BF16","shape":[50,100],"data_offsets":[10000,20000]}}\
            """,
            data.array());
    try (SafetensorsFile weights = SafetensorsFile.open(file)) {
      for (int first : new int[] {0, 1, 2_047, 4_999}) {
        float[] half = part(weights, "half", first, count - first);
        float[] brain = part(weights, "brain", first, count - first);
        for (int i = 0; i < count - first; i++) {
          short stored = data.getShort(Short.BYTES * (first + i));
          assertThat(Float.floatToIntBits(half[i]))
              .isEqualTo(Float.floatToIntBits(ElementType.halfToFloat(stored)));
          int bits = data.getShort(Short.BYTES * (count + first + i)) << 16;
          assertThat(Float.floatToRawIntBits(brain[i])).isEqualTo(bits);
        }
      }
    }
  }

  @Test
  void brokenFilesAreRefusedByName() throws IOException {
    assertRefused(new byte[3], "at least 8 bytes, found 3");
    assertRefused(new byte[] {9, 0, 0, 0, 0, 0, 0, 0, '{', '}'}, "truncated");
    assertRefused(new byte[] {2, 0, 0, 0, 0, 0, 0, 0, '{', '!'}, "expected a JSON header");
    Path file =
        AdapterFixture.safetensors(
            directory.resolve("w.safetensors"),
            "{\"t\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8]}}",
            new byte[7]);
    assertThatThrownBy(() -> SafetensorsFile.open(file))
        .hasMessageContainingAll(
            "w.safetensors: tensor t", "7 data bytes, found [0, 8)", "truncated");
  }

  @Test
  void tensorsThatContradictThemselvesAreRefusedWhenRead() throws IOException {
    Path file =
        AdapterFixture.safetensors(
            directory.resolve("w.safetensors"),
            """
            {"short":{"dtype":"F32","shape":[3],"data_offsets":[0,8]},
             "whole":{"dtype":"I64","shape":[1],"data_offsets":[8,16]}}\
            """,
            new byte[16]);
    try (SafetensorsFile weights = SafetensorsFile.open(file)) {
      assertThatThrownBy(() -> weights.read("short")).hasMessageContaining("found 8 bytes");
      assertThatThrownBy(() -> weights.read("whole"))
          .hasMessageContaining("expected dtype F32, F16 or BF16, found I64");
      assertThatThrownBy(() -> weights.read("none")).hasMessageContaining("tensor none");
    }
  }

  @Test
  void everyByteBelongsToOneTensor() throws IOException {
    String tensor = "\"%s\":{\"dtype\":\"F32\",\"shape\":[%s],\"data_offsets\":[%d,%d]}";
    String one = tensor.formatted("a", "1", 0, 4);
    assertHeaderRefused(
        "{" + one + "," + tensor.formatted("b", "1", 0, 4) + "}", 4, "tensor b", "begin at 4");
    assertHeaderRefused(
        "{" + one + "," + tensor.formatted("b", "1", 8, 12) + "}", 12, "tensor b", "found 8");
    assertHeaderRefused("{" + one + "}", 8, "expected 4 data bytes", "found 8");
    assertHeaderRefused("{" + one + "," + one + "}", 4, "Duplicate field 'a'");
    assertHeaderRefused("{" + one + "} {}", 4, "expected a JSON header");
    assertHeaderRefused(
        "{" + tensor.formatted("c", "4294967296,4294967296", 0, 4) + "}", 4, "fewer elements");
    assertHeaderRefused("{" + tensor.formatted("c", "1.5", 0, 4) + "}", 4, "whole numbers");
    assertHeaderRefused("{" + tensor.formatted("c", "-1", 0, 4) + "}", 4, "whole numbers");
    assertHeaderRefused("{" + tensor.formatted("c", "\"1\"", 0, 4) + "}", 4, "whole numbers");
  }

  private void assertHeaderRefused(String header, int dataBytes, String... parts)
      throws IOException {
    Path file =
        AdapterFixture.safetensors(directory.resolve("w.safetensors"), header, new byte[dataBytes]);
    assertThatThrownBy(() -> SafetensorsFile.open(file))
        .isInstanceOf(ModelFormatException.class)
        .hasMessageContaining("w.safetensors")
        .hasMessageContainingAll(parts);
  }

  @Test
  void whatIsNoNumberIsNamed() throws IOException {
    ByteBuffer data = bytes(12).putFloat(1).putFloat(2).putFloat(Float.NEGATIVE_INFINITY);
    Path file =
        AdapterFixture.safetensors(
            directory.resolve("w.safetensors"),
            "{\"t\":{\"dtype\":\"F32\",\"shape\":[3],\"data_offsets\":[0,12]}}",
            data.array());
    try (SafetensorsFile weights = SafetensorsFile.open(file)) {
      assertThat(weights.read("t")).hasSize(3);
      assertThatThrownBy(() -> weights.readFinite("t"))
          .isInstanceOf(ModelFormatException.class)
          .hasMessageContaining("tensor t: expected finite values, found -Infinity at element 2");
    }
  }

  /** A sparse file: it occupies a few blocks of the disk and 3 GB of offsets. */
  @Test
  void filesAndTensorsBeyondTwoGigabytesAreReadBlockByBlock() throws IOException {
    long elements = 700_000_000L;
    long begin = elements * Float.BYTES;
    String header =
        "{\"large\":{\"dtype\":\"F32\",\"shape\":[700000,1000],\"data_offsets\":[0,%d]},"
                .formatted(begin)
            + "\"tail\":{\"dtype\":\"BF16\",\"shape\":[2],\"data_offsets\":[%d,%d]}}"
                .formatted(begin, begin + 4);
    Path file = directory.resolve("large.safetensors");
    try (FileChannel channel =
        FileChannel.open(
            file,
            StandardOpenOption.CREATE_NEW,
            StandardOpenOption.SPARSE,
            StandardOpenOption.WRITE)) {
      byte[] json = header.getBytes(StandardCharsets.UTF_8);
      channel.write(bytes(8 + json.length).putLong(json.length).put(json).flip());
      long data = 8 + json.length;
      channel.write(bytes(4).putFloat(2.5f).flip(), data + begin - 4);
      channel.write(
          bytes(4).putShort((short) 0x3f80).putShort((short) 0xc000).flip(), data + begin);
    }
    assertThat(Files.size(file)).isGreaterThan(Integer.MAX_VALUE);
    try (SafetensorsFile weights = SafetensorsFile.open(file)) {
      assertThat(part(weights, "large", elements - 3, 3)).containsExactly(0, 0, 2.5f);
      assertThat(weights.read("tail")).containsExactly(1, -2);
    }
  }

  @Test
  void aModelNamesFileTensorExpectedAndFound() throws IOException {
    Path narrow =
        TinyModels.write(
            directory.resolve("narrow"), TinyModels.QWEN2.replace("24", "20"), /* seed= */ 1);
    TinyModels.describe(narrow, TinyModels.QWEN2);
    assertThatThrownBy(() -> LanguageModel.load(narrow))
        .isInstanceOf(ModelFormatException.class)
        .hasMessageContainingAll(
            "model.safetensors: tensor model.layers.0.mlp.gate_proj.weight",
            "expected shape [24, 16], found [20, 16]");

    Path small = TinyModels.write(directory.resolve("small"), TinyModels.GPT2, /* seed= */ 1);
    TinyModels.describe(small, TinyModels.GPT2.replace("\"n_layer\": 2", "\"n_layer\": 3"));
    assertThatThrownBy(() -> LanguageModel.load(small))
        .hasMessageContainingAll("small", "tensor transformer.h.2.ln_1.weight", "not found");

    Path cut = TinyModels.write(directory.resolve("cut"), TinyModels.MISTRAL, /* seed= */ 1);
    Path weights = cut.resolve("model.safetensors");
    byte[] whole = Files.readAllBytes(weights);
    Files.write(weights, Arrays.copyOf(whole, whole.length - 1));
    assertThatThrownBy(() -> LanguageModel.load(cut))
        .hasMessageContainingAll("model.safetensors: tensor lm_head.weight", "truncated");
  }

  /** GPT-2's first checkpoints are of the bare decoder, without the first part of the names. */
  @Test
  void checkpointsOfABareDecoderAreFoundToo() throws IOException {
    Path tiny = TinyModels.write(directory.resolve("tiny"), TinyModels.GPT2, 9);
    Path weights = tiny.resolve("model.safetensors");
    long[] ids = {1, 5, 6, 7};
    float[] expected;
    try (LanguageModel model = LanguageModel.load(tiny)) {
      expected = TextGenerator.nextLogits(model, ids);
    }
    byte[] content = Files.readAllBytes(weights);
    int headerLength = (int) ByteBuffer.wrap(content).order(ByteOrder.LITTLE_ENDIAN).getLong();
    String header = new String(content, 8, headerLength, StandardCharsets.UTF_8);
    AdapterFixture.safetensors(
        weights,
        header.replace("\"transformer.", "\""),
        Arrays.copyOfRange(content, 8 + headerLength, content.length));
    try (LanguageModel model = LanguageModel.load(tiny)) {
      assertThat(TextGenerator.nextLogits(model, ids)).isEqualTo(expected);
    }
  }

  @Test
  void aShardWithoutTheTensorThatTheIndexPromisesIsNamed() throws IOException {
    Path tiny = TinyModels.write(directory.resolve("tiny"), TinyModels.QWEN2, 9);
    Path sharded = directory.resolve("sharded");
    TinyModels.describe(sharded, TinyModels.QWEN2);
    shard(tiny, sharded);
    Path index = sharded.resolve("model.safetensors.index.json");
    String map = Files.readString(index);
    Files.writeString(
        index,
        map.replaceFirst(
            "(\"model.norm.weight\":\"model-0000)[12]",
            map.contains("\"model.norm.weight\":\"model-00001") ? "$12" : "$11"));
    assertThatThrownBy(() -> LanguageModel.load(sharded))
        .hasMessageContainingAll("model-0000", "tensor model.norm.weight", "not found");
  }

  @Test
  void shardsAreFoundThroughTheIndex() throws IOException {
    Path tiny = TinyModels.write(directory.resolve("tiny"), TinyModels.QWEN2, 9);
    Path sharded = directory.resolve("sharded");
    TinyModels.describe(sharded, TinyModels.QWEN2);
    shard(tiny, sharded);
    long[] ids = {1, 5, 6, 7};
    try (LanguageModel model = LanguageModel.load(sharded)) {
      float[] logits = TextGenerator.nextLogits(model, ids);
      double[] expected = new PlainDecoder(sharded.resolve("widened")).logits(ids)[3];
      for (int i = 0; i < logits.length; i++) {
        assertThat(Math.abs(logits[i] - expected[i])).isLessThan(2e-4);
      }
    }
    Files.delete(sharded.resolve("model-00002.safetensors"));
    assertThatThrownBy(() -> LanguageModel.load(sharded))
        .hasMessageContainingAll("model-00002.safetensors", "index.json lists it, not found");
  }

  /**
   * One bfloat16 shard per parity of the tensor's number, and the same values as one float32 file
   * for the plain pass.
   */
  private static void shard(Path from, Path to) throws IOException {
    StringBuilder map = new StringBuilder();
    StringBuilder[] headers = {new StringBuilder(), new StringBuilder()};
    ByteBuffer[] data = {bytes(1 << 16), bytes(1 << 16)};
    StringBuilder wideHeader = new StringBuilder();
    ByteBuffer wide = bytes(1 << 17);
    try (SafetensorsFile file = SafetensorsFile.open(from.resolve("model.safetensors"))) {
      for (int n = 0; n < file.tensors().size(); n++) {
        TensorSpec spec = file.tensors().get(n);
        int begin = data[n % 2].position();
        int wideBegin = wide.position();
        for (float value : file.read(spec.name())) {
          int top = Float.floatToIntBits(value) >>> 16;
          data[n % 2].putShort((short) top);
          wide.putFloat(Float.intBitsToFloat(top << 16));
        }
        headers[n % 2].append(entry(spec, "BF16", begin, data[n % 2].position()));
        wideHeader.append(entry(spec, "F32", wideBegin, wide.position()));
        map.append(",\"%s\":\"model-0000%d.safetensors\"".formatted(spec.name(), 1 + n % 2));
      }
    }
    for (int s = 0; s < 2; s++) {
      write(to.resolve("model-0000" + (s + 1) + ".safetensors"), headers[s], data[s]);
    }
    Files.writeString(
        to.resolve("model.safetensors.index.json"), "{\"weight_map\":{" + map.substring(1) + "}}");
    Path widened = Files.createDirectory(to.resolve("widened"));
    Files.copy(to.resolve("config.json"), widened.resolve("config.json"));
    write(widened.resolve("model.safetensors"), wideHeader, wide);
  }

  private static float[] part(SafetensorsFile file, String name, long first, int count)
      throws IOException {
    ByteBuffer target = bytes(Float.BYTES * count);
    file.read(name, first, target);
    float[] values = new float[count];
    target.asFloatBuffer().get(values);
    return values;
  }

  private static ByteBuffer bytes(int size) {
    return ByteBuffer.allocate(size).order(ByteOrder.LITTLE_ENDIAN);
  }

  private static String entry(TensorSpec spec, String type, int begin, int end) {
    return ",\"%s\":{\"dtype\":\"%s\",\"shape\":%s,\"data_offsets\":[%d,%d]}"
        .formatted(spec.name(), type, spec.shape(), begin, end);
  }

  private static void write(Path file, StringBuilder entries, ByteBuffer data) throws IOException {
    AdapterFixture.safetensors(
        file, "{" + entries.substring(1) + "}", Arrays.copyOf(data.array(), data.position()));
  }

  private void assertRefused(byte[] content, String part) throws IOException {
    Path file = Files.write(directory.resolve("broken.safetensors"), content);
    assertThatThrownBy(() -> SafetensorsFile.open(file))
        .isInstanceOf(ModelFormatException.class)
        .hasMessageContainingAll("broken.safetensors", part);
  }
}
