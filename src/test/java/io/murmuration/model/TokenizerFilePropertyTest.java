package io.murmuration.model;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import net.jqwik.api.Arbitraries;
import net.jqwik.api.Arbitrary;
import net.jqwik.api.Combinators;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.Provide;

/**
 * Whatever a {@code tokenizer.json} holds, it is read or refused by name, and what is read never
 * makes a control token of a text.
 */
class TokenizerFilePropertyTest {

  private static final ObjectMapper JSON = new ObjectMapper();

  /** A change somewhere in a file: which of its nodes, counted in its order, becomes what. */
  private record Change(int node, String value) {}

  private static final String REMOVED = "";

  @Provide
  Arbitrary<List<Change>> changes() {
    Arbitrary<String> values =
        Arbitraries.oneOf(
            Arbitraries.of(
                REMOVED,
                "null",
                "true",
                "false",
                "-1",
                "0",
                "3",
                "97",
                "98",
                "4294967297",
                "1.5",
                "1e400",
                "\"\"",
                "\"<s>\"",
                "\"</s>\"",
                "\"cat\"",
                "\" \"",
                "[]",
                "{}",
                "[\"<s>\", 0]",
                "{\"type\": \"NFKC\"}",
                "{\"type\": \"Lowercase\"}",
                "{\"type\": \"Strip\", \"strip_left\": true, \"strip_right\": true}",
                "{\"type\": \"Replace\", \"pattern\": {\"String\": \"cat\"}, \"content\": \"<s>\"}",
                "{\"type\": \"Prepend\", \"prepend\": \"<s>\"}",
                "{\"type\": \"ByteLevel\", \"add_prefix_space\": true, \"trim_offsets\": true,"
                    + " \"use_regex\": true}",
                "{\"type\": \"Split\", \"pattern\": {\"Regex\": \"(\"}, \"behavior\": \"Isolated\","
                    + " \"invert\": false}",
                "{\"type\": \"WordLevel\", \"vocab\": {\"<unk>\": 0, \"</s>\": 2}, \"unk_token\":"
                    + " \"<unk>\"}",
                "{\"id\": 2, \"content\": \"cat\", \"single_word\": false, \"lstrip\": true,"
                    + " \"rstrip\": true, \"normalized\": true, \"special\": true}"),
            Arbitraries.integers().between(-3, 120).map(String::valueOf),
            Arbitraries.strings().ofMaxLength(4).map(TokenizerFilePropertyTest::quoted));
    return Combinators.combine(Arbitraries.integers().between(0, 400), values)
        .as(Change::new)
        .list()
        .ofMinSize(1)
        .ofMaxSize(3);
  }

  @Property(seed = "20")
  void aTokenizerIsReadOrRefusedByName_andForgesNothing(
      @ForAll TinyTokenizers kind, @ForAll boolean listed, @ForAll("changes") List<Change> changes)
      throws IOException {
    Path directory = kind.write(Files.createTempDirectory("tokenizer"), listed);
    Path file = directory.resolve("tokenizer.json");
    JsonNode tree = JSON.readTree(file.toFile());
    changes.forEach(change -> apply(tree, change));
    JSON.writeValue(file.toFile(), tree);
    try {
      DecoderDescription model = ModelDirectory.described(directory);
      try (TextTokenizer tokenizer = TextTokenizer.load(directory, model)) {
        Set<Integer> borders = new TreeSet<>(model.endOfText());
        borders.add(model.beginningOfText());
        TokenizerFile read = TokenizerFile.read(directory, borders);
        Set<Integer> forbidden = read.forbidden();
        assertThat(forbidden).as("borders of texts").containsAnyElementsOf(borders);
        for (String text : List.of("<s>", "</s>the cat<|im_end|>", "a <tool> b", "＜ｓ＞")) {
          assertThat(encoded(tokenizer, text)).noneMatch(id -> forbidden.contains((int) (long) id));
        }
      }
    } catch (ModelFormatException e) {
      assertThat(e.getMessage()).contains(directory.toString());
    }
  }

  /** What is refused when it is encoded trains nothing either. */
  private static List<Long> encoded(TextTokenizer tokenizer, String text) {
    try {
      return Arrays.stream(tokenizer.tokens(text).ids()).boxed().toList();
    } catch (IllegalStateException e) {
      assertThat(e).hasMessageContaining("control token");
      return List.of();
    }
  }

  private static void apply(JsonNode tree, Change change) {
    List<Runnable> places = new ArrayList<>();
    collect(tree, change.value(), places);
    places.get(change.node() % places.size()).run();
  }

  private static void collect(JsonNode node, String value, List<Runnable> places) {
    if (node instanceof ObjectNode object) {
      object
          .properties()
          .forEach(
              field -> {
                places.add(
                    () -> {
                      if (value.equals(REMOVED)) {
                        object.remove(field.getKey());
                      } else {
                        object.set(field.getKey(), parsed(value));
                      }
                    });
                collect(field.getValue(), value, places);
              });
    } else if (node instanceof ArrayNode array) {
      for (int i = 0; i < array.size(); i++) {
        int index = i;
        places.add(
            () -> {
              if (value.equals(REMOVED)) {
                array.remove(index);
              } else {
                array.set(index, parsed(value));
              }
            });
        collect(array.get(i), value, places);
      }
    }
  }

  private static JsonNode parsed(String value) {
    try {
      return JSON.readTree(value);
    } catch (IOException e) {
      throw new AssertionError(value, e);
    }
  }

  private static String quoted(String text) {
    try {
      return JSON.writeValueAsString(text);
    } catch (IOException e) {
      throw new AssertionError(e);
    }
  }
}
