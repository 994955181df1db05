package io.murmuration.model;

import ai.djl.huggingface.tokenizers.Encoding;
import ai.djl.huggingface.tokenizers.HuggingFaceTokenizer;
import ai.djl.huggingface.tokenizers.jni.CharSpan;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.BitSet;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * Turns text into token ids in which no control token can be forged.
 *
 * <p>Users' texts are data, so encoding runs on a copy of the tokenizer in which control tokens
 * ({@code <s>}, {@code <|im_end|>}, …) cannot be named: what a user types is always ordinary text.
 * See {@link TokenizerFile}. Decoding uses the original.
 *
 * <p>Thread-safe.
 */
public final class TextTokenizer implements AutoCloseable {

  /** The library truncates to 512 ids and pads unless told otherwise. */
  private static final Map<String, String> PLAIN =
      Map.of("addSpecialTokens", "false", "padding", "false", "truncation", "false");

  /** Characters of private use and none at all, alone and between ordinary ones. */
  private static final String UNKNOWN_EVERYWHERE = "a\uE123b \u0378 \uDBFF\uDFFD\n0";

  private final HuggingFaceTokenizer encoder;
  private final HuggingFaceTokenizer decoder;
  private final BitSet forbidden;
  private final TokenBorders borders;
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
      HuggingFaceTokenizer encoder,
      HuggingFaceTokenizer decoder,
      BitSet forbidden,
      TokenBorders borders,
      long beginningOfText) {
    this.encoder = encoder;
    this.decoder = decoder;
    this.forbidden = forbidden;
    this.borders = borders;
    this.beginningOfText = beginningOfText;
  }

  /**
   * Loads the tokenizer of a model directory.
   *
   * @param model what the directory describes
   * @throws ModelFormatException naming the file and what of it is not understood, a token that the
   *     embedding does not have, or a control token that texts could name
   */
  static TextTokenizer load(Path directory, DecoderDescription model) throws IOException {
    Set<Integer> borders = new HashSet<>(model.endOfText());
    borders.add(model.beginningOfText());
    TokenizerFile file = TokenizerFile.read(directory, borders);
    file.requireBelow(model.vocabularySize());
    BitSet forbidden = new BitSet();
    file.forbidden().forEach(forbidden::set);
    TextTokenizer tokenizer =
        new TextTokenizer(
            open(file.file(), file.forUsersTexts()),
            open(file.file(), file.original()),
            forbidden,
            file.borders(),
            model.beginningOfText());
    try {
      tokenizer.requireUnnamable(file);
      tokenizer.requireTotal(file);
      return tokenizer;
    } catch (RuntimeException e) {
      tokenizer.close();
      throw e;
    }
  }

  /**
   * Some faults show only in texts that hold what the vocabulary does not. They would fail each
   * such text of a user, and with it that user's part in every round.
   */
  private void requireTotal(TokenizerFile file) {
    try {
      tokens(UNKNOWN_EVERYWHERE);
    } catch (RuntimeException e) {
      throw new ModelFormatException(
          "%s: expected a tokenizer that encodes every text, found that it fails where a character is not in its vocabulary: %s"
              .formatted(file.file(), e.getMessage()),
          e);
    }
  }

  private void requireUnnamable(TokenizerFile file) {
    for (String control : file.control().values()) {
      for (String text : List.of(control, " " + control, "a" + control + control + "a")) {
        try {
          tokens(text);
        } catch (IllegalStateException e) {
          throw new ModelFormatException(
              "%s: expected that no text can name a control token, found that %s does"
                  .formatted(file.file(), control));
        } catch (RuntimeException e) {
          throw new ModelFormatException(
              "%s: expected a tokenizer that encodes every text, found that it fails on '%s': %s"
                  .formatted(file.file(), text, e.getMessage()),
              e);
        }
      }
    }
  }

  private static HuggingFaceTokenizer open(Path file, byte[] json) throws IOException {
    try {
      return open(json);
    } catch (RuntimeException e) {
      throw new ModelFormatException(
          file + ": expected a tokenizer that the tokenizers library reads: " + e.getMessage(), e);
    }
  }

  private static HuggingFaceTokenizer open(byte[] json) throws IOException {
    return HuggingFaceTokenizer.newInstance(new ByteArrayInputStream(json), PLAIN);
  }

  /** Says where a text can be cut without tokenizing it. */
  TokenBorders borders() {
    return borders;
  }

  /**
   * Ids of a text alone, nothing before or after.
   *
   * @throws IllegalStateException if a control token is among them: no text may train a model on
   *     one
   */
  Tokens tokens(String text) {
    if (text.isEmpty()) {
      return Tokens.NONE;
    }
    Encoding encoding = encoder.encode(text, false, false);
    long[] ids = encoding.getIds();
    for (long id : ids) {
      if (forbidden.get((int) id)) {
        throw new IllegalStateException("a text encodes to the control token " + id);
      }
    }
    return new Tokens(ids, encoding.getCharTokenSpans());
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
