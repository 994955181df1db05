package io.murmuration.model;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.SecureRandom;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HexFormat;
import java.util.Iterator;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;

/**
 * A {@code tokenizer.json}, and which of its tokens are control tokens: tokens that users' texts
 * must not be able to name.
 *
 * <p>Control tokens are the added tokens that the file calls special; the tokens that {@code
 * special_tokens_map.json} and {@code tokenizer_config.json} name for a role; and the borders of
 * texts, whatever a file calls them. Ordinary added tokens are part of the language and stay.
 *
 * <p>Taking a control token out of {@code added_tokens} is not enough: it may stand in the
 * vocabulary itself, where Unigram, WordLevel, WordPiece and BPE may come upon it, and the ids of
 * the others would move. So in the copy that encodes, every control token has another name, which
 * nobody can guess, in the vocabulary and among the added tokens; ids and scores stay.
 */
final class TokenizerFile {

  /** 160 random bits: no user guesses the names of the control tokens. */
  private static final int NAME_BYTES = 20;

  private static final List<String> ROLES =
      List.of(
          "bos_token",
          "eos_token",
          "unk_token",
          "sep_token",
          "pad_token",
          "cls_token",
          "mask_token");

  private static final List<String> FURTHER =
      List.of("additional_special_tokens", "extra_special_tokens");

  /** The keys of the file that are read. */
  static final Set<String> UNDERSTOOD =
      Set.of("added_tokens", "decoder", "model", "normalizer", "pre_tokenizer");

  /** What the library knows of the models; {@code dropout} must be none. */
  static final Set<String> MODEL_KEYS =
      Set.of(
          "byte_fallback",
          "continuing_subword_prefix",
          "dropout",
          "end_of_word_suffix",
          "fuse_unk",
          "ignore_merges",
          "max_input_chars_per_word",
          "merges",
          "type",
          "unk_id",
          "unk_token",
          "vocab");

  private static final Set<String> ADDED_KEYS =
      Set.of("content", "id", "lstrip", "normalized", "rstrip", "single_word", "special");

  private final Path file;
  private final ObjectNode tree;
  private final Map<String, Integer> idOf = new HashMap<>();
  private final Map<Integer, String> control = new TreeMap<>();
  private final int unknown;

  private TokenizerFile(Path file, ObjectNode tree) {
    this.file = file;
    this.tree = tree;
    JsonNode model = tree.path("model");
    JsonNode vocabulary = model.path("vocab");
    if (vocabulary.isArray()) {
      for (int id = 0; id < vocabulary.size(); id++) {
        // the first of equal pieces counts
        idOf.putIfAbsent(requirePiece(id, vocabulary.get(id)), id);
      }
    } else {
      for (Map.Entry<String, JsonNode> word : vocabulary.properties()) {
        idOf.put(word.getKey(), requireId("model.vocab", word.getKey(), word.getValue()));
      }
    }
    this.unknown =
        vocabulary.isArray()
            ? model.path("unk_id").asInt(DecoderDescription.NO_TOKEN)
            : idOf.getOrDefault(model.path("unk_token").asText(), DecoderDescription.NO_TOKEN);
  }

  /**
   * Reads a directory's tokenizer.
   *
   * @param borders ids of beginning and end of text
   * @throws ModelFormatException naming file and key of what is not understood
   */
  static TokenizerFile read(Path directory, Set<Integer> borders) throws IOException {
    Path path = directory.resolve(TextBorders.TOKENIZER);
    if (!Files.exists(path)) {
      throw new ModelFormatException(path + ": expected a tokenizer, found no such file");
    }
    ModelConfig config = ModelConfig.read(path);
    config.requireNothingElse(ConfigKeys.TOKENIZER, UNDERSTOOD);
    ModelConfig model = config.child("model");
    model.requireNothingElse(ConfigKeys.TOKENIZER, MODEL_KEYS);
    double dropout = model.number("dropout", 0);
    model.require(dropout == 0, "dropout", "none: texts must always encode alike", dropout);
    TokenizerFile read = new TokenizerFile(path, config.object());
    read.collectControlTokens(directory, borders);
    return read;
  }

  private void collectControlTokens(Path directory, Set<Integer> borders) throws IOException {
    Set<String> named = new TreeSet<>();
    for (JsonNode added : added()) {
      requireAddedToken(added);
      idOf.put(added.path("content").textValue(), added.path("id").intValue());
      if (added.path("special").asBoolean()) {
        named.add(added.path("content").textValue());
      }
    }
    for (String neighbour : List.of("special_tokens_map.json", TextBorders.TOKENIZER_CONFIG)) {
      if (Files.exists(directory.resolve(neighbour))) {
        collectNamed(ModelConfig.readObject(directory.resolve(neighbour)), named);
      }
    }
    for (String content : named) {
      // what is in no vocabulary has no id that could be forged
      if (idOf.containsKey(content)) {
        control.put(idOf.get(content), content);
      }
    }
    idOf.forEach(
        (content, id) -> {
          if (borders.contains(id)) {
            control.put(id, content);
          }
        });
    control.forEach(
        (id, content) -> {
          if (id != unknown && content.codePointCount(0, content.length()) == 1) {
            throw new ModelFormatException(
                "%s: expected control tokens that no ordinary text needs, found %s with id %d"
                    .formatted(file, content, id));
          }
        });
  }

  private JsonNode added() {
    return tree.path("added_tokens");
  }

  private void requireAddedToken(JsonNode added) {
    if (!added.path("content").isTextual()) {
      throw new ModelFormatException(
          "%s: added_tokens: expected objects with id and content, found %s"
              .formatted(file, added));
    }
    requireId("added_tokens", added.path("content").textValue(), added.path("id"));
    for (Map.Entry<String, JsonNode> field : added.properties()) {
      if (!ADDED_KEYS.contains(field.getKey())) {
        throw new ModelFormatException(
            "%s: added_tokens: expected %s, found %s"
                .formatted(file, new TreeSet<>(ADDED_KEYS), field.getKey()));
      }
    }
  }

  private String requirePiece(int id, JsonNode piece) {
    if (piece.size() != 2 || !piece.path(0).isTextual() || !piece.path(1).isNumber()) {
      throw new ModelFormatException(
          "%s: model.vocab: expected pairs of a piece and its score, found %s with id %d"
              .formatted(file, piece, id));
    }
    return piece.get(0).textValue();
  }

  private int requireId(String key, String token, JsonNode id) {
    if (!id.isInt() || id.intValue() < 0) {
      throw new ModelFormatException(
          "%s: %s: expected whole numbers from 0 on as ids, found %s for the token %s"
              .formatted(file, key, id.isMissingNode() ? "none" : id, token));
    }
    return id.intValue();
  }

  /** Tokens stand there as strings or as objects; further ones in a list or under names. */
  private static void collectNamed(JsonNode config, Set<String> named) {
    ROLES.forEach(role -> collectToken(config.path(role), named));
    FURTHER.forEach(list -> config.path(list).forEach(token -> collectToken(token, named)));
    for (JsonNode token : config.path("added_tokens_decoder")) {
      if (token.path("special").asBoolean()) {
        collectToken(token, named);
      }
    }
  }

  private static void collectToken(JsonNode token, Set<String> named) {
    JsonNode content = token.isObject() ? token.path("content") : token;
    if (content.isTextual() && !content.textValue().isEmpty()) {
      named.add(content.textValue());
    }
  }

  /** The file that it was read from. */
  Path file() {
    return file;
  }

  /** Control tokens by id. */
  Map<Integer, String> control() {
    return control;
  }

  /** Ids that no text may come to: control tokens but the one for what is unknown. */
  Set<Integer> forbidden() {
    Set<Integer> forbidden = new TreeSet<>(control.keySet());
    forbidden.remove(unknown);
    return forbidden;
  }

  /**
   * Refuses a tokenizer that makes ids of text which the embedding does not have.
   *
   * @throws ModelFormatException naming the token
   */
  void requireBelow(int vocabularySize) {
    idOf.forEach(
        (content, id) -> {
          if (id >= vocabularySize && !control.containsKey(id)) {
            throw new ModelFormatException(
                "%s: expected ids below the model's vocab_size, %d, found %d for the token %s"
                    .formatted(file, vocabularySize, id, content));
          }
        });
  }

  /** Says where the copy that encodes lets a text be cut. */
  TokenBorders borders() {
    List<JsonNode> ordinary = new ArrayList<>();
    for (JsonNode added : added()) {
      if (!control.containsValue(added.path("content").textValue())) {
        ordinary.add(added);
      }
    }
    return TokenBorders.of(tree, ordinary);
  }

  /** The file as it is. */
  byte[] original() throws IOException {
    return ModelConfig.JSON.writeValueAsBytes(tree);
  }

  /** The copy that encodes: nothing is put around texts, and control tokens have secret names. */
  byte[] forUsersTexts() throws IOException {
    Map<String, String> secret = new HashMap<>();
    byte[] name = new byte[NAME_BYTES];
    new SecureRandom().nextBytes(name);
    String prefix = "m" + HexFormat.of().formatHex(name);
    control.forEach((id, content) -> secret.put(content, prefix + "x" + id));
    ObjectNode copy = tree.deepCopy();
    copy.putNull("post_processor");
    for (JsonNode added : copy.path("added_tokens")) {
      String content = added.path("content").textValue();
      if (secret.containsKey(content)) {
        ((ObjectNode) added).put("content", secret.get(content));
      }
    }
    rename((ObjectNode) copy.get("model"), secret);
    return ModelConfig.JSON.writeValueAsBytes(copy);
  }

  private static void rename(ObjectNode model, Map<String, String> secret) {
    JsonNode vocabulary = model.path("vocab");
    if (vocabulary instanceof ArrayNode pieces) {
      for (JsonNode piece : pieces) {
        String to = secret.get(piece.path(0).asText());
        if (to != null && piece instanceof ArrayNode pair) {
          pair.set(0, pair.textNode(to));
        }
      }
    } else if (vocabulary instanceof ObjectNode words) {
      secret.forEach(
          (from, to) -> {
            JsonNode id = words.remove(from);
            if (id != null) {
              words.set(to, id);
            }
          });
    }
    String unknown = secret.get(model.path("unk_token").asText());
    if (unknown != null) {
      model.put("unk_token", unknown);
    }
    if (model.path("merges") instanceof ArrayNode merges) {
      String affix = model.path("continuing_subword_prefix").asText("");
      for (Iterator<JsonNode> each = merges.iterator(); each.hasNext(); ) {
        List<String> parts = parts(each.next());
        String second = parts.get(1);
        String merged =
            parts.get(0) + (second.startsWith(affix) ? second.substring(affix.length()) : second);
        if (secret.containsKey(parts.get(0))
            || secret.containsKey(second)
            || secret.containsKey(merged)) {
          each.remove();
        }
      }
    }
  }

  /** Two strings, in a list or with a space between. */
  private static List<String> parts(JsonNode merge) {
    if (merge.isArray()) {
      List<String> parts = new ArrayList<>();
      merge.forEach(part -> parts.add(part.asText()));
      return parts.size() == 2 ? parts : List.of("", "");
    }
    String text = merge.asText();
    int space = text.indexOf(' ');
    return space < 0
        ? List.of("", "")
        : List.of(text.substring(0, space), text.substring(space + 1));
  }
}
