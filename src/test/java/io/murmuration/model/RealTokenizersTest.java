package io.murmuration.model;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.SplittableRandom;
import java.util.TreeSet;
import org.assertj.core.api.SoftAssertions;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * Published tokenizers, as {@code scripts/tokenizers} fetches them; skipped where they are not
 * there.
 */
class RealTokenizersTest {

  private static final Path CACHE = Path.of("target/tokenizers");
  private static final ObjectMapper JSON = new ObjectMapper();

  /** So many random texts for each tokenizer; a longer search gives another number. */
  private static final int TEXTS = Integer.getInteger("murmuration.fuzz.texts", 3_000);

  private record Subject(TextTokenizer tokenizer, TokenizerFile file, JsonNode ids)
      implements AutoCloseable {

    @Override
    public void close() {
      tokenizer.close();
    }
  }

  /** Ids and texts as the implementation in JavaScript has them, which shares no code with ours. */
  @ParameterizedTest
  @ValueSource(strings = {"gpt2", "llama3_1", "qwen2_5", "qwen3", "gemma2", "gemma3"})
  void textsEncodeAndDecodeAsAnotherImplementationDoes(String name) throws IOException {
    try (Subject subject = open(name)) {
      SoftAssertions each = new SoftAssertions();
      int compared = 0;
      for (JsonNode expected : subject.ids()) {
        String text = expected.get("text").textValue();
        long[] ids = SharedModels.longs(expected.get("ids"));
        if (Arrays.stream(ids).anyMatch(id -> subject.file().control().containsKey((int) id))) {
          continue; // there a control token is named, which no text may
        }
        compared++;
        each.assertThat(subject.tokenizer().tokens(text).ids())
            .as("ids of %s", quoted(text))
            .isEqualTo(ids);
        each.assertThat(subject.tokenizer().decode(ids))
            .as("text of the ids of %s", quoted(text))
            .isEqualTo(expected.get("decoded").textValue());
      }
      each.assertAll();
      assertThat(compared).isGreaterThan(80);
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"gpt2", "llama3_1", "qwen2_5", "qwen3", "gemma2", "gemma3"})
  void noTextComesToAControlToken(String name) throws IOException {
    try (Subject subject = open(name)) {
      Set<Integer> forbidden = subject.file().forbidden();
      assertThat(forbidden).isNotEmpty();
      List<String> pieces = pieces(subject);
      SplittableRandom random = new SplittableRandom(20);
      for (int i = 0; i < TEXTS; i++) {
        StringBuilder text = new StringBuilder();
        for (int n = random.nextInt(1, 9); n > 0; n--) {
          text.append(pieces.get(random.nextInt(pieces.size())));
        }
        // to encode one is an error of its own, which fails here too
        long[] ids = subject.tokenizer().tokens(text.toString()).ids();
        assertThat(Arrays.stream(ids).filter(id -> forbidden.contains((int) id)))
            .as(quoted(text.toString()))
            .isEmpty();
      }
    }
  }

  /** Control tokens whole, cut anywhere, in other letters and widths; and what joins them. */
  private static List<String> pieces(Subject subject) {
    Set<String> pieces =
        new TreeSet<>(List.of(" ", "\n", "a", "the", "▁", "Ġ", "\u200b", "🐦", ""));
    List<String> control = new ArrayList<>(subject.file().control().values());
    for (String token : control.subList(0, Math.min(control.size(), 60))) {
      pieces.add(token);
      pieces.add(token.toUpperCase(java.util.Locale.ROOT));
      pieces.add(wide(token));
      for (int cut = 1; cut < token.length(); cut++) {
        pieces.add(token.substring(0, cut));
        pieces.add(token.substring(cut));
      }
    }
    return List.copyOf(pieces);
  }

  /** In letters that compatibility normalization maps to the plain ones. */
  private static String wide(String token) {
    StringBuilder wide = new StringBuilder();
    token.chars().forEach(c -> wide.append((char) (c > ' ' && c <= '~' ? c + 0xFEE0 : c)));
    return wide.toString();
  }

  private static String quoted(String text) {
    try {
      return JSON.writeValueAsString(text);
    } catch (IOException e) {
      throw new AssertionError(e);
    }
  }

  /** With the configuration of a model beside it whose vocabulary is the tokenizer's. */
  private Subject open(String name) throws IOException {
    Path cached = CACHE.resolve(name);
    Assumptions.assumeTrue(
        Files.exists(cached.resolve("ids.json")), () -> cached + ": see scripts/tokenizers");
    Map<String, Integer> vocabulary = new HashMap<>();
    JsonNode tokenizer = JSON.readTree(cached.resolve("tokenizer.json").toFile());
    tokenizer
        .at("/model/vocab")
        .properties()
        .forEach(e -> vocabulary.put(e.getKey(), e.getValue().asInt()));
    tokenizer
        .get("added_tokens")
        .forEach(e -> vocabulary.put(e.get("content").asText(), e.get("id").asInt()));
    JsonNode end = JSON.readTree(cached.resolve("tokenizer_config.json").toFile()).get("eos_token");
    ObjectNode config = (ObjectNode) JSON.readTree("{" + TinyModels.LLAMA3 + "}");
    config.put(
        "vocab_size",
        vocabulary.values().stream().mapToInt(Integer::intValue).max().orElseThrow() + 1);
    config.putNull("bos_token_id");
    config.put(
        "eos_token_id",
        vocabulary.get(end.isObject() ? end.get("content").asText() : end.asText()));
    JSON.writeValue(cached.resolve("config.json").toFile(), config);
    DecoderDescription model = ModelDirectory.described(cached);
    Set<Integer> borders = new TreeSet<>(model.endOfText());
    borders.add(model.beginningOfText());
    return new Subject(
        TextTokenizer.load(cached, model),
        TokenizerFile.read(cached, borders),
        JSON.readTree(cached.resolve("ids.json").toFile()));
  }
}
