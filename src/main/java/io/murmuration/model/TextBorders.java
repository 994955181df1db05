package io.murmuration.model;

import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.JsonToken;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.ObjectReader;
import com.fasterxml.jackson.databind.node.MissingNode;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.OptionalInt;
import java.util.Set;
import java.util.TreeSet;

/**
 * What stands before and behind a text.
 *
 * <p>The beginning of text is, in this order, what the tokenizer itself puts before a text, which
 * is what a served model sees; {@code bos_token_id} of {@code config.json}; that of {@code
 * generation_config.json}; {@code bos_token} of {@code tokenizer_config.json}; or else the first
 * end of text, by which models that know no beginning were taught to tell texts apart.
 *
 * <p>Ends of text are those of both configurations.
 */
final class TextBorders {

  static final String GENERATION_CONFIG = "generation_config.json";
  static final String TOKENIZER = "tokenizer.json";
  static final String TOKENIZER_CONFIG = "tokenizer_config.json";

  /** The keys of {@code generation_config.json} that are read. */
  static final Set<String> UNDERSTOOD = Set.of("bos_token_id", "eos_token_id");

  /** Reads a value out of the middle of a file. */
  private static final ObjectReader VALUES = new ObjectMapper().readerFor(JsonNode.class);

  private TextBorders() {}

  /**
   * The description with its borders.
   *
   * @param description with those of {@code config.json}
   * @throws ModelFormatException if no file names a border
   */
  static DecoderDescription applied(Path directory, DecoderDescription description)
      throws IOException {
    Set<Integer> ends = new TreeSet<>(description.endOfText());
    List<Integer> inOrder = new ArrayList<>(description.endOfText());
    OptionalInt generationBeginning = OptionalInt.empty();
    if (Files.exists(directory.resolve(GENERATION_CONFIG))) {
      ModelConfig generation = ModelConfig.read(directory.resolve(GENERATION_CONFIG));
      for (int id : generation.tokenIds("eos_token_id")) {
        if (ends.add(id)) {
          inOrder.add(id);
        }
      }
      generationBeginning = first(generation.tokenIds("bos_token_id"));
      generation.requireNothingElse(ConfigKeys.GENERATION, Set.of("bos_token_id", "eos_token_id"));
    }
    return description.withBorders(
        beginning(directory, description, generationBeginning, inOrder), inOrder);
  }

  private static int beginning(
      Path directory, DecoderDescription description, OptionalInt generation, List<Integer> ends)
      throws IOException {
    Path tokenizer = directory.resolve(TOKENIZER);
    if (Files.exists(tokenizer)) {
      OptionalInt added = addedBefore(tokenizer);
      if (added.isPresent()) {
        return added.getAsInt();
      }
    }
    if (description.beginningOfText() != DecoderDescription.NO_TOKEN) {
      return description.beginningOfText();
    }
    if (generation.isPresent()) {
      return generation.getAsInt();
    }
    OptionalInt named = named(directory);
    if (named.isPresent()) {
      return named.getAsInt();
    }
    return first(ends)
        .orElseThrow(
            () ->
                new ModelFormatException(
                    "%s: bos_token_id: expected a token id, or another border of texts (eos_token_id), found neither"
                        .formatted(directory.resolve(ModelDirectory.CONFIG))));
  }

  private static OptionalInt first(List<Integer> ids) {
    return ids.isEmpty() ? OptionalInt.empty() : OptionalInt.of(ids.get(0));
  }

  /** The id of the {@code bos_token} that {@code tokenizer_config.json} names, if there is one. */
  private static OptionalInt named(Path directory) throws IOException {
    Path config = directory.resolve(TOKENIZER_CONFIG);
    Path tokenizer = directory.resolve(TOKENIZER);
    if (!Files.exists(config) || !Files.exists(tokenizer)) {
      return OptionalInt.empty();
    }
    JsonNode token = ModelConfig.readObject(config).path("bos_token");
    String content = token.isObject() ? token.path("content").textValue() : token.textValue();
    for (JsonNode added : field(tokenizer, "added_tokens")) {
      if (content != null && content.equals(added.path("content").textValue())) {
        return OptionalInt.of(added.path("id").intValue());
      }
    }
    return OptionalInt.empty();
  }

  /**
   * The token that a tokenizer puts before a text by itself.
   *
   * @throws ModelFormatException if it puts more than one
   */
  private static OptionalInt addedBefore(Path tokenizer) throws IOException {
    List<Integer> ids = new ArrayList<>();
    collectAddedBefore(field(tokenizer, "post_processor"), ids);
    if (ids.size() > 1) {
      throw new ModelFormatException(
          "%s: post_processor: expected at most one token before a text, found %s"
              .formatted(tokenizer, ids));
    }
    return first(ids);
  }

  private static void collectAddedBefore(JsonNode processor, List<Integer> ids) {
    switch (processor.path("type").asText()) {
      case "Sequence" ->
          processor.path("processors").forEach(each -> collectAddedBefore(each, ids));
      case "BertProcessing", "RobertaProcessing" ->
          ids.add(processor.path("cls").path(1).intValue());
      case "TemplateProcessing" -> {
        for (JsonNode piece : processor.path("single")) {
          if (piece.has("Sequence")) {
            return;
          }
          String name = piece.path("SpecialToken").path("id").asText();
          processor
              .path("special_tokens")
              .path(name)
              .path("ids")
              .forEach(id -> ids.add(id.intValue()));
        }
      }
      default -> {
        // puts nothing before a text
      }
    }
  }

  /** One field of a file, without holding the whole, whose vocabulary is large. */
  private static JsonNode field(Path file, String name) throws IOException {
    try (JsonParser parser = ModelConfig.JSON.createParser(file.toFile())) {
      if (parser.nextToken() != JsonToken.START_OBJECT) {
        throw new ModelFormatException(file + ": expected a JSON object");
      }
      while (parser.nextToken() == JsonToken.FIELD_NAME) {
        boolean wanted = parser.currentName().equals(name);
        JsonToken value = parser.nextToken();
        if (wanted) {
          return value == JsonToken.VALUE_NULL
              ? MissingNode.getInstance()
              : VALUES.readValue(parser);
        }
        parser.skipChildren();
      }
      return MissingNode.getInstance();
    } catch (JsonProcessingException e) {
      throw new ModelFormatException(file + ": expected JSON: " + e.getOriginalMessage());
    }
  }
}
