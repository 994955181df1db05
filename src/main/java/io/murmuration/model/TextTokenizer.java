package io.murmuration.model;

import ai.djl.huggingface.tokenizers.Encoding;
import ai.djl.huggingface.tokenizers.HuggingFaceTokenizer;
import ai.djl.huggingface.tokenizers.jni.CharSpan;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Map;

/**
 * Turns text into token ids in which no control token can be forged.
 *
 * <p>A {@code tokenizer.json} lists control tokens ({@code <s>}, {@code <|im_end|>}, …) that its
 * tokenizer recognises inside text. Users' texts are data, so encoding runs on a copy of the
 * tokenizer without that list: what a user types is always ordinary text. Decoding uses the
 * original.
 *
 * <p>Thread-safe.
 */
public final class TextTokenizer implements AutoCloseable {

  /** The library truncates to 512 ids and pads unless told otherwise. */
  private static final Map<String, String> PLAIN =
      Map.of("addSpecialTokens", "false", "padding", "false", "truncation", "false");

  private final HuggingFaceTokenizer encoder;
  private final HuggingFaceTokenizer decoder;
  private final long beginningOfText;

  /** What a text became. */
  record Tokens(long[] ids, CharSpan[] spans) {

    static final Tokens NONE = new Tokens(new long[0], new CharSpan[0]);

    int count() {
      return ids.length;
    }

    /** Unicode code points that the first {@code tokens} ids cover. */
    int charactersOfFirst(int tokens) {
      int end = 0;
      for (int i = 0; i < tokens; i++) {
        end = spans[i] == null ? end : Math.max(end, spans[i].getEnd());
      }
      return end;
    }
  }

  private TextTokenizer(
      HuggingFaceTokenizer encoder, HuggingFaceTokenizer decoder, long beginningOfText) {
    this.encoder = encoder;
    this.decoder = decoder;
    this.beginningOfText = beginningOfText;
  }

  /**
   * Loads {@code tokenizer.json}.
   *
   * @param beginningOfText id put before every text
   */
  static TextTokenizer load(Path file, long beginningOfText) throws IOException {
    if (!Files.exists(file)) {
      throw new ModelFormatException(file + ": expected a tokenizer, found no such file");
    }
    try {
      ObjectMapper json = new ObjectMapper();
      JsonNode tree = json.readTree(file.toFile());
      if (!(tree instanceof ObjectNode object) || !tree.path("model").isObject()) {
        throw new ModelFormatException(file + ": expected a JSON object with a model");
      }
      HuggingFaceTokenizer decoder = open(json.writeValueAsBytes(object));
      object.putArray("added_tokens");
      object.putNull("post_processor");
      return new TextTokenizer(open(json.writeValueAsBytes(object)), decoder, beginningOfText);
    } catch (JsonProcessingException e) {
      throw new ModelFormatException(file + ": expected JSON: " + e.getOriginalMessage(), e);
    }
  }

  private static HuggingFaceTokenizer open(byte[] json) throws IOException {
    return HuggingFaceTokenizer.newInstance(new ByteArrayInputStream(json), PLAIN);
  }

  /** Ids of a text alone, nothing before or after. */
  Tokens tokens(String text) {
    if (text.isEmpty()) {
      return Tokens.NONE;
    }
    Encoding encoding = encoder.encode(text, false, false);
    return new Tokens(encoding.getIds(), encoding.getCharTokenSpans());
  }

  /**
   * Beginning of text, context, text; at most {@code maxTokens} ids in all.
   *
   * <p>Context and text are tokenized apart, so that the border between them is a border of tokens.
   * Where both do not fit, the end of the context keeps at most half of the room and the text is
   * cut at its end.
   *
   * @param context not trained on; may be null
   * @param maxTokens at least 2
   */
  public TokenSequence encode(String context, String text, int maxTokens) {
    if (maxTokens < 2) {
      throw new IllegalArgumentException("maxTokens must be at least 2, given " + maxTokens);
    }
    long[] before = context == null ? new long[0] : tokens(context).ids();
    long[] body = tokens(text).ids();
    int room = maxTokens - 1;
    int keptBefore = keptOfContext(before.length, body.length, room);
    int keptBody = Math.min(body.length, room - keptBefore);
    long[] ids = new long[1 + keptBefore + keptBody];
    ids[0] = beginningOfText;
    System.arraycopy(before, before.length - keptBefore, ids, 1, keptBefore);
    System.arraycopy(body, 0, ids, 1 + keptBefore, keptBody);
    return new TokenSequence(ids, 1 + keptBefore);
  }

  /** Ids at the end of a context that are kept where it and a text share {@code room} ids. */
  static int keptOfContext(int context, int text, int room) {
    return Math.min(context, Math.max(room / 2, room - text));
  }

  /** Unicode code points of a text that its first {@code count} tokens cover. */
  int characters(String text, int count) {
    Tokens tokens = tokens(text);
    int all = text.codePointCount(0, text.length());
    return count >= tokens.count() ? all : Math.min(tokens.charactersOfFirst(count), all);
  }

  /** Text of ids, control tokens left out. */
  public String decode(long... ids) {
    return decoder.decode(Arrays.copyOf(ids, ids.length), true);
  }

  @Override
  public void close() {
    encoder.close();
    decoder.close();
  }
}
