package io.murmuration.model;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.murmuration.demo.DemoModel;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import net.jqwik.api.Arbitraries;
import net.jqwik.api.Arbitrary;
import net.jqwik.api.Example;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.Provide;
import net.jqwik.api.constraints.IntRange;
import net.jqwik.api.lifecycle.AfterContainer;
import net.jqwik.api.lifecycle.BeforeContainer;

/**
 * What is left by {@link TokenBorders} has the tokens of the whole, with tokenizers of every known
 * kind. Vocabularies are trained on texts of few letters, so that many merges compete near every
 * cut.
 */
class TokenBordersPropertyTest {

  private static final ObjectMapper JSON = new ObjectMapper();
  private static final String QWEN2 =
      "(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}"
          + "| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+";
  private static final String LLAMA3 = QWEN2.replace("\\p{N}|", "\\p{N}{1,3}|");
  private static final String GPT2 =
      "'s|'t|'re|'ve|'m|'ll|'d| ?\\p{L}+| ?\\p{N}+| ?[^\\s\\p{L}\\p{N}]+|\\s+(?!\\S)|\\s+";

  private static final String BYTE_LEVEL =
      "{\"type\":\"ByteLevel\",\"add_prefix_space\":%s,\"trim_offsets\":true,\"use_regex\":%s}";
  private static final String MARKED =
      """
      {"type":"Sequence","normalizers":[{"type":"Prepend","prepend":"▁"},
        {"type":"Replace","pattern":{"String":" "},"content":"▁"}]}
      """;

  private static Path directory;
  private static final Map<String, TextTokenizer> TOKENIZERS = new LinkedHashMap<>();

  @BeforeContainer
  static void load() throws IOException {
    directory = Files.createTempDirectory("murmuration-borders");
    TOKENIZERS.put("gpt2", open("null", BYTE_LEVEL.formatted(false, true), byteLevel(GPT2, false)));
    TOKENIZERS.put(
        "prefix", open("null", BYTE_LEVEL.formatted(true, true), byteLevel(GPT2, false)));
    TOKENIZERS.put("qwen2", open("{\"type\":\"NFC\"}", split(QWEN2), byteLevel(QWEN2, false)));
    TOKENIZERS.put("llama3", open("null", split(LLAMA3), byteLevel(LLAMA3, true)));
    ObjectNode added = byteLevel(QWEN2, false);
    addedToken(added, "<tool>", "lstrip");
    addedToken(added, "ab", "single_word");
    TOKENIZERS.put("added tokens", open("null", split(QWEN2), added));
    ObjectNode addedMarked = marked();
    addedToken(addedMarked, "ba", "normalized");
    TOKENIZERS.put("marked, added tokens", open(MARKED, "null", addedMarked));
    TOKENIZERS.put(
        "smollm",
        open(
            "null",
            """
            {"type":"Sequence","pretokenizers":[{"type":"Digits","individual_digits":true},%s]}
            """
                .formatted(BYTE_LEVEL.formatted(false, true)),
            byteLevel(GPT2, false)));
    TOKENIZERS.put("no pre-tokenizer", open(MARKED, "null", marked()));
    TOKENIZERS.put(
        "metaspace",
        open(
            "null",
            "{\"type\":\"Metaspace\",\"replacement\":\"▁\",\"prepend_scheme\":\"first\",\"split\":true}",
            marked()));
    TOKENIZERS.put(
        "gemma",
        open(
            "{\"type\":\"Replace\",\"pattern\":{\"String\":\" \"},\"content\":\"▁\"}",
            "{\"type\":\"Split\",\"pattern\":{\"String\":\""
                + " \"},\"behavior\":\"MergedWithPrevious\",\"invert\":false}",
            marked()));
    Path demo = DemoModel.unpack(directory.resolve("demo"));
    TOKENIZERS.put("demo", TextTokenizer.load(demo, ModelDirectory.described(demo)));
  }

  @AfterContainer
  static void close() {
    TOKENIZERS.values().forEach(TextTokenizer::close);
  }

  @Example
  void everyKnownKindIsKnown() {
    TOKENIZERS.forEach(
        (name, tokenizer) ->
            assertThat(tokenizer.borders().beginning("one two three four", 2))
                .as(name)
                .isEqualTo("one two"));
  }

  @Example
  void marksAreBordersWhereNoTokenSpansThem() {
    String text = "中文，中文。ab、中文";
    for (String name : List.of("gpt2", "qwen2", "llama3", "smollm")) {
      assertThat(TOKENIZERS.get(name).borders().beginning(text, 2)).isEqualTo("中文，中文");
    }
    // bytes of the marks are no tokens of their own
    for (String name : List.of("no pre-tokenizer", "metaspace", "gemma")) {
      assertThat(TOKENIZERS.get(name).borders().beginning(text, 2)).isSameAs(text);
    }
  }

  @Provide
  Arbitrary<String> texts() {
    Arbitrary<String> piece =
        Arbitraries.frequencyOf(
            net.jqwik.api.Tuple.of(
                8, Arbitraries.strings().withChars("abAB").ofMinLength(1).ofMaxLength(9)),
            net.jqwik.api.Tuple.of(6, Arbitraries.just(" ")),
            net.jqwik.api.Tuple.of(
                2, Arbitraries.strings().withChars("01239").ofMinLength(1).ofMaxLength(5)),
            net.jqwik.api.Tuple.of(
                2,
                Arbitraries.of(
                    "  ", "\n", " \n ", "\t", "'s", "'re", "'", ".", "...", "-", "▁", "\r\n",
                    "<tool>", "é", "，", "。", "中文，", "か", "ア、", "文！", "e\u0301", "\u0301", "ß", "中文",
                    "🐦", "\u00a0", "\u2003", "Ġ", "א", "1\u0307")));
    return piece.list().ofMinSize(1).ofMaxSize(40).map(parts -> String.join("", parts));
  }

  @Property(tries = 600, seed = "20")
  void theBeginningHasTheFirstTokensOfTheWhole(
      @ForAll("texts") String text, @ForAll @IntRange(min = 1, max = 8) int count) {
    TOKENIZERS.forEach(
        (name, tokenizer) -> {
          String left = tokenizer.borders().beginning(text, count);
          long[] whole = tokenizer.tokens(text).ids();
          long[] kept = tokenizer.tokens(left).ids();
          assertThat(text).startsWith(left);
          assertThat(kept.length).as(name).isGreaterThanOrEqualTo(Math.min(count, whole.length));
          assertThat(kept).as(name).isEqualTo(Arrays.copyOf(whole, kept.length));
        });
  }

  @Property(tries = 600, seed = "20")
  void theEndHasTheLastTokensOfTheWhole(
      @ForAll("texts") String text, @ForAll @IntRange(min = 1, max = 8) int count) {
    TOKENIZERS.forEach(
        (name, tokenizer) -> {
          String left = tokenizer.borders().end(text, count);
          long[] whole = tokenizer.tokens(text).ids();
          long[] kept = tokenizer.tokens(left).ids();
          assertThat(text).endsWith(left);
          assertThat(kept.length).as(name).isGreaterThanOrEqualTo(Math.min(count, whole.length));
          assertThat(kept)
              .as(name)
              .isEqualTo(Arrays.copyOfRange(whole, whole.length - kept.length, whole.length));
        });
  }

  /** What an exact cut leaves to training is what this leaves: through the whole of encode. */
  @Property(tries = 300, seed = "20")
  void trainingSeesTheSame(
      @ForAll("texts") String prompt,
      @ForAll("texts") String text,
      @ForAll @IntRange(min = 2, max = 9) int max) {
    TOKENIZERS.forEach(
        (name, tokenizer) -> {
          TokenBorders borders = tokenizer.borders();
          assertThat(
                  tokenizer
                      .encode(borders.end(prompt, max - 1), borders.beginning(text, max - 1), max)
                      .ids())
              .as(name)
              .isEqualTo(tokenizer.encode(prompt, text, max).ids());
        });
  }

  @Example
  void whatIsNotKnownIsNotCut() throws IOException {
    String text = "one two three four";
    for (ObjectNode changed :
        List.of(
            with(marked(), "/model", "type", "\"Unigram\""),
            with(marked(), "/model", "dropout", "0.1"),
            with(marked(), "/model", "end_of_word_suffix", "\"</w>\""),
            with(marked(), "/model", "ignore_merges", "true"),
            // a token that spans words
            with(marked(), "/model/vocab", "a▁b", "9000"),
            with(marked(), "", "normalizer", "{\"type\":\"Lowercase\"}"),
            with(marked(), "", "normalizer", "{\"type\":\"Prepend\",\"prepend\":\"▁\"}"),
            with(marked(), "", "pre_tokenizer", "{\"type\":\"WhitespaceSplit\"}"),
            with(marked(), "", "pre_tokenizer", split("\\w+ \\w+")))) {
      TokenBorders borders = TokenBorders.of(changed, List.of());
      assertThat(borders.beginning(text, 1)).as(changed.toString()).isSameAs(text);
      assertThat(borders.end(text, 1)).isSameAs(text);
    }
    for (ObjectNode changed :
        List.of(addedToken(marked(), "a b", "special"), addedToken(marked(), "<t>", "rstrip"))) {
      List<JsonNode> added = List.of(changed.at("/added_tokens/0"));
      assertThat(TokenBorders.of(changed, added).beginning(text, 1)).isSameAs(text);
    }
    assertThat(TokenBorders.of(marked(), List.of()).beginning(text, 1)).isEqualTo("one");
    assertThat(TokenBorders.of(marked(), List.of()).end(text, 1)).isEqualTo("four");
  }

  private static ObjectNode addedToken(ObjectNode tokenizer, String content, String flag) {
    ObjectNode token = ((ArrayNode) tokenizer.get("added_tokens")).addObject();
    token.put("id", 9_000 + tokenizer.get("added_tokens").size()).put("content", content);
    for (String each : List.of("single_word", "lstrip", "rstrip", "normalized", "special")) {
      token.put(each, each.equals(flag));
    }
    return tokenizer;
  }

  private static ObjectNode with(ObjectNode tokenizer, String path, String field, String json)
      throws IOException {
    ((ObjectNode) tokenizer.at(path)).set(field, JSON.readTree(json));
    return tokenizer;
  }

  private static String split(String pattern) {
    return JSON.createObjectNode()
        .put("type", "Sequence")
        .set(
            "pretokenizers",
            JSON.createArrayNode()
                .add(
                    JSON.createObjectNode()
                        .put("type", "Split")
                        .put("behavior", "Isolated")
                        .put("invert", false)
                        .set("pattern", JSON.createObjectNode().put("Regex", pattern)))
                .addRawValue(
                    new com.fasterxml.jackson.databind.util.RawValue(
                        BYTE_LEVEL.formatted(false, false))))
        .toString();
  }

  private static TextTokenizer open(String normalizer, String preTokenizer, ObjectNode tokenizer) {
    try {
      tokenizer.set("normalizer", JSON.readTree(normalizer));
      tokenizer.set("pre_tokenizer", JSON.readTree(preTokenizer));
      Path model = Files.createTempDirectory(directory, "tokenizer");
      TinyModels.describe(model, TinyModels.GPT2);
      Path config = model.resolve("config.json");
      Files.writeString(
          config, Files.readString(config).replace("\"vocab_size\": 98", "\"vocab_size\": 9999"));
      Files.writeString(model.resolve("tokenizer.json"), tokenizer.toString());
      return TextTokenizer.load(model, ModelDirectory.described(model));
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** Words that begin with a mark, of characters with bytes for all others. */
  private static ObjectNode marked() {
    List<List<String>> words = new ArrayList<>();
    for (String word : corpus().split("(?= )")) {
      words.add(characters(word.replace(' ', '▁')));
    }
    LinkedHashSet<String> alphabet = new LinkedHashSet<>(CONTROL);
    for (int b = 0; b < 256; b++) {
      alphabet.add("<0x%02X>".formatted(b));
    }
    words.forEach(alphabet::addAll);
    ObjectNode model = model(words, alphabet);
    model.put("unk_token", "<unk>").put("byte_fallback", true).put("fuse_unk", true);
    ObjectNode tokenizer = tokenizer(model);
    try {
      tokenizer.set("normalizer", JSON.readTree(MARKED));
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    return tokenizer;
  }

  /** Pieces of a pattern, spelled in the alphabet of bytes. */
  private static ObjectNode byteLevel(String pattern, boolean ignoreMerges) {
    List<List<String>> words = new ArrayList<>();
    Matcher pieces = Pattern.compile(pattern).matcher(corpus());
    while (pieces.find()) {
      List<String> word = new ArrayList<>();
      for (byte b : pieces.group().getBytes(java.nio.charset.StandardCharsets.UTF_8)) {
        word.add(BYTES[Byte.toUnsignedInt(b)]);
      }
      words.add(word);
    }
    LinkedHashSet<String> alphabet = new LinkedHashSet<>(CONTROL);
    alphabet.addAll(Arrays.asList(BYTES));
    ObjectNode model = model(words, alphabet);
    model.put("ignore_merges", ignoreMerges);
    return tokenizer(model);
  }

  /** Ids 1 and 2 are borders of texts, see {@link TinyModels}. */
  private static final List<String> CONTROL = List.of("<unk>", "<s>", "</s>");

  private static final String[] BYTES = new String[256];

  static {
    int next = 256;
    for (int b = 0; b < 256; b++) {
      boolean itself = b >= '!' && b <= '~' || b >= 0xa1 && b <= 0xac || b >= 0xae;
      BYTES[b] = String.valueOf((char) (itself ? b : next++));
    }
  }

  private static ObjectNode tokenizer(ObjectNode model) {
    ObjectNode tokenizer = JSON.createObjectNode().put("version", "1.0");
    tokenizer.putArray("added_tokens");
    tokenizer.putNull("normalizer").putNull("pre_tokenizer").putNull("post_processor");
    tokenizer.putNull("decoder");
    tokenizer.set("model", model);
    return tokenizer;
  }

  /** Merges the most frequent pair, again and again. */
  private static ObjectNode model(List<List<String>> words, LinkedHashSet<String> vocabulary) {
    ObjectNode model = JSON.createObjectNode().put("type", "BPE");
    var merges = model.putArray("merges");
    for (int round = 0; round < 150; round++) {
      Map<List<String>, Integer> counts = new HashMap<>();
      for (List<String> word : words) {
        for (int i = 1; i < word.size(); i++) {
          counts.merge(List.of(word.get(i - 1), word.get(i)), 1, Integer::sum);
        }
      }
      List<String> best =
          counts.entrySet().stream()
              .max(
                  Map.Entry.<List<String>, Integer>comparingByValue()
                      .thenComparing(e -> String.join(" ", e.getKey())))
              .orElseThrow()
              .getKey();
      String merged = String.join("", best);
      merges.addArray().add(best.get(0)).add(best.get(1));
      vocabulary.add(merged);
      for (List<String> word : words) {
        for (int i = 1; i < word.size(); i++) {
          if (word.get(i - 1).equals(best.get(0)) && word.get(i).equals(best.get(1))) {
            word.set(i - 1, merged);
            word.remove(i);
          }
        }
      }
    }
    ObjectNode ids = model.putObject("vocab");
    vocabulary.forEach(token -> ids.put(token, ids.size()));
    return model;
  }

  private static List<String> characters(String word) {
    return new ArrayList<>(word.codePoints().mapToObj(Character::toString).toList());
  }

  private static String corpus() {
    Random random = new Random(11);
    StringBuilder text = new StringBuilder();
    for (int i = 0; i < 1_500; i++) {
      text.append(i == 0 ? "" : " ".repeat(random.nextInt(8) == 0 ? 2 : 1));
      for (int j = 1 + random.nextInt(7); j > 0; j--) {
        text.append("aabbAB0123".charAt(random.nextInt(10)));
      }
      text.append(random.nextInt(6) == 0 ? ".'-s\n".substring(random.nextInt(5)) : "");
    }
    return text.toString();
  }
}
