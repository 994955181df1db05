package io.murmuration.model;

import static org.assertj.core.api.Assertions.assertThat;

import io.murmuration.event.EventFormat;
import io.murmuration.event.InteractionReader;
import io.murmuration.event.InteractionRules;
import io.murmuration.event.RawRecord;
import io.murmuration.event.RejectedRecordException;
import io.murmuration.event.UserEvent;
import io.murmuration.event.WriterSchemas;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import net.jqwik.api.Arbitraries;
import net.jqwik.api.Arbitrary;
import net.jqwik.api.Combinators;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.Provide;

/**
 * Whatever a file or a record holds, a reader reads it or refuses it by name: no other exception,
 * no memory that a length field claims.
 */
class ReadersPropertyTest {

  /** JSON values of every kind, nested a little. */
  @Provide
  Arbitrary<String> values() {
    Arbitrary<String> flat =
        Arbitraries.oneOf(
            Arbitraries.of(
                "null",
                "true",
                "false",
                "0",
                "-1",
                "1",
                "2",
                "16",
                "1.5",
                "1e400",
                "-0.0",
                "9223372036854775808",
                "\"\"",
                "\"llama\"",
                "\"gelu\"",
                "\"full_attention\"",
                "\"pissa\"",
                "[]",
                "{}",
                "\"a.b\"",
                "\"(\"",
                "128000",
                "4294967297"),
            Arbitraries.integers().between(-3, 200).map(String::valueOf),
            Arbitraries.strings().alpha().ofMaxLength(8).map(s -> "\"" + s + "\""));
    Arbitrary<String> lists =
        flat.list().ofMaxSize(3).map(all -> "[" + String.join(",", all) + "]");
    Arbitrary<String> objects =
        Combinators.combine(
                Arbitraries.of("factor", "rope_type", "type", "content", "id", "x"), flat)
            .as((key, value) -> "{\"%s\":%s}".formatted(key, value));
    return Arbitraries.frequencyOf(
        net.jqwik.api.Tuple.of(4, flat),
        net.jqwik.api.Tuple.of(1, lists),
        net.jqwik.api.Tuple.of(1, objects));
  }

  @Provide
  Arbitrary<Map<String, String>> modelFields() {
    List<String> keys = new ArrayList<>(ConfigKeys.MODEL.irrelevant());
    keys.addAll(ConfigKeys.MODEL.refused());
    for (ModelFamily family : ModelFamily.values()) {
      keys.addAll(family.understood());
    }
    keys.add("wavelets");
    return Arbitraries.maps(Arbitraries.of(keys), values()).ofMinSize(1).ofMaxSize(4);
  }

  @Property(seed = "20")
  void aModelsConfigurationIsDescribedOrRefusedByName(
      @ForAll("modelFields") Map<String, String> fields) throws IOException {
    Path directory = Files.createTempDirectory("config");
    for (String base : List.of(TinyModels.LLAMA3, TinyModels.QWEN2_WINDOWED, TinyModels.GPT2)) {
      Map<String, String> all = fields(base);
      all.putAll(fields);
      Path file = directory.resolve("config.json");
      Files.writeString(file, object(all));
      try {
        DecoderDescription described = ModelFamily.describe(ModelConfig.read(file));
        assertThat(described.layers()).isNotEmpty();
        for (Map.Entry<String, String> field : fields.entrySet()) {
          boolean known =
              ConfigKeys.MODEL.whyIrrelevant(field.getKey()) != null
                  || understood(described.family()).contains(field.getKey());
          boolean neutral = List.of("null", "false", "\"\"", "[]", "{}").contains(field.getValue());
          assertThat(known || neutral).as("%s of %s", field, described.family()).isTrue();
        }
      } catch (ModelFormatException e) {
        assertThat(e.getMessage()).contains("config.json");
      }
    }
  }

  private static java.util.Collection<String> understood(String family) {
    for (ModelFamily each : ModelFamily.values()) {
      if (each.modelType().equals(family)) {
        return each.understood();
      }
    }
    throw new AssertionError(family);
  }

  @Provide
  Arbitrary<Map<String, String>> adapterFields() {
    List<String> keys = new ArrayList<>(ConfigKeys.ADAPTER.irrelevant());
    keys.addAll(ConfigKeys.ADAPTER.refused());
    keys.addAll(LoraAdapter.UNDERSTOOD);
    keys.add("wavelets");
    return Arbitraries.maps(Arbitraries.of(keys), values()).ofMinSize(1).ofMaxSize(4);
  }

  @Property(seed = "20")
  void anAdaptersConfigurationIsReadOrRefusedByName(
      @ForAll("adapterFields") Map<String, String> fields) throws IOException {
    Path adapter =
        AdapterFixture.adapter(
            Files.createTempDirectory("adapter"), "model.layers.0.self_attn.q_proj", 16, 16);
    Path file = adapter.resolve("adapter_config.json");
    Map<String, String> all = new java.util.TreeMap<>();
    all.put("peft_type", "\"LORA\"");
    all.put("r", "2");
    all.put("lora_alpha", "8");
    all.put("target_modules", "[\"q_proj\"]");
    all.putAll(fields);
    Files.writeString(file, object(all));
    try {
      assertThat(LoraAdapter.read(adapter)).isNotNull();
    } catch (ModelFormatException e) {
      assertThat(e.getMessage()).contains("adapter");
    }
  }

  /** Headers that lie about lengths, shapes, types and offsets. */
  @Property(seed = "20")
  void aSafetensorsFileIsReadOrRefusedByName(
      @ForAll("headers") String header, @ForAll byte[] data, @ForAll boolean lie)
      throws IOException {
    Path file = Files.createTempFile("weights", ".safetensors");
    AdapterFixture.safetensors(file, header, data);
    if (lie) {
      byte[] bytes = Files.readAllBytes(file);
      bytes[Math.floorMod(header.hashCode(), 8)] ^= (byte) (1 << (data.length % 8));
      Files.write(file, bytes);
    }
    try (SafetensorsFile weights = SafetensorsFile.open(file)) {
      for (TensorSpec tensor : weights.tensors()) {
        assertThat(weights.readFinite(tensor.name())).hasSize((int) tensor.size());
      }
    } catch (ModelFormatException e) {
      assertThat(e.getMessage()).contains(file.getFileName().toString());
    } finally {
      Files.delete(file);
    }
  }

  @Provide
  Arbitrary<String> headers() {
    Arbitrary<Long> numbers =
        Arbitraries.oneOf(
            Arbitraries.longs().between(-1, 40),
            Arbitraries.of(Long.MAX_VALUE, 1L << 31, 1L << 33, 1L << 62));
    Arbitrary<String> tensors =
        Combinators.combine(
                Arbitraries.of("a", "b", "__metadata__", ""),
                Arbitraries.of("\"F32\"", "\"BF16\"", "\"F16\"", "\"I64\"", "7", "null"),
                numbers.list().ofMaxSize(3),
                numbers,
                numbers)
            .as(
                (name, type, shape, begin, end) ->
                    "\"%s\":{\"dtype\":%s,\"shape\":%s,\"data_offsets\":[%d,%d]}"
                        .formatted(name, type, shape, begin, end));
    return Arbitraries.oneOf(
        tensors.list().ofMaxSize(3).map(all -> "{" + String.join(",", all) + "}"),
        values(),
        Arbitraries.strings().ofMaxLength(40));
  }

  /** Keys and values of any bytes, and of bytes that begin as events do. */
  @Property(seed = "20")
  void aRecordIsAnEventOrADeadLetter(@ForAll byte[] key, @ForAll byte[] value, @ForAll int start)
      throws Exception {
    InteractionReader reader =
        new InteractionReader(InteractionRules.DEFAULTS, EventFormat.avro(WriterSchemas.builtIn()));
    byte[] begun = HEADER.clone();
    byte[] all = java.util.Arrays.copyOf(begun, begun.length + value.length);
    System.arraycopy(value, 0, all, begun.length, value.length);
    for (byte[] each : new byte[][] {value, all, start % 2 == 0 ? null : value}) {
      try {
        UserEvent event =
            reader.read(new RawRecord(start % 5 == 0 ? null : key, each, "t", 0, 0, start));
        assertThat(event.userId()).isNotEmpty();
      } catch (RejectedRecordException e) {
        assertThat(e.reason()).isNotNull();
      }
    }
  }

  private static final byte[] HEADER =
      java.util.Arrays.copyOf(
          io.murmuration.event.InteractionCodec.encode(UserEvent.erasure("u", "e", 0)), 10);

  /** Fields of a configuration as their JSON text. */
  private static Map<String, String> fields(String base) throws IOException {
    Map<String, String> all = new java.util.TreeMap<>();
    all.put("vocab_size", "98");
    ModelConfig.JSON
        .readTree("{" + base + "}")
        .properties()
        .forEach(field -> all.put(field.getKey(), field.getValue().toString()));
    return all;
  }

  private static String object(Map<String, String> fields) {
    List<String> parts = new ArrayList<>();
    fields.forEach((key, value) -> parts.add("\"%s\": %s".formatted(key, value)));
    return "{" + String.join(", ", parts) + "}";
  }
}
