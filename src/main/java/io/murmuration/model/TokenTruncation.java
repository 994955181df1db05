package io.murmuration.model;

import io.murmuration.event.RejectedRecordException;
import io.murmuration.event.RejectionReason;
import io.murmuration.event.Truncation;
import io.murmuration.event.UserEvent;
import io.murmuration.model.TextTokenizer.Tokens;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Objects;

/**
 * Cuts an event near the token limit: what is left encodes to the same {@link TokenSequence} as the
 * whole would. Hardly any event is tokenized for it, since most of what a busy user sends is turned
 * away by the user's reservoir, and most of what is kept is never sampled.
 *
 * <ol>
 *   <li>What has fewer UTF-8 bytes than tokens are allowed stays as it is.
 *   <li>Otherwise the text is cut after as many words as tokens are allowed, the prompt before as
 *       many, which changes no token that can be trained: see {@link TokenBorders}.
 *   <li>Where more than {@link #CHARACTERS_A_TOKEN} times as many characters as tokens are then
 *       left, as in a long text without spaces, the tokenizer cuts. A cut at the border of two
 *       tokens may change the tokens before it, as the right-hand context is gone. Then up to
 *       {@link #MORE_TOKENS} more are kept until the ones that can be trained come out unchanged.
 *       Where that is not enough, the text is cut at the limit, and only its last tokens may differ
 *       from those of the whole.
 * </ol>
 *
 * Should a tokenizer make more tokens than bytes of a text, training still cuts at the limit.
 */
public final class TokenTruncation implements Truncation {

  /** Kept beyond the limit at most, of the prompt and of the text. */
  static final int MORE_TOKENS = 8;

  /** Several times what a token of ordinary text has, and of every alphabet. */
  static final int CHARACTERS_A_TOKEN = 16;

  /** A tokenizer may put a token for a space before a text, and one before a prompt. */
  private static final int PREFIX_TOKENS = 2;

  private final TextTokenizer tokenizer;
  private final int maxTokens;

  TokenTruncation(TextTokenizer tokenizer, int maxTokens) {
    this.tokenizer = tokenizer;
    this.maxTokens = maxTokens;
  }

  /**
   * Cuts as the trainer does that encodes with the same tokenizer and limit.
   *
   * @param modelDirectory holds {@code config.json} and {@code tokenizer.json}; read where the
   *     factory is opened
   * @param maxTokens beginning of text included, at least 2
   */
  public static Factory factory(Path modelDirectory, int maxTokens) {
    if (maxTokens < 2) {
      throw new IllegalArgumentException("maxTokens must be at least 2, given " + maxTokens);
    }
    String directory = modelDirectory.toString();
    return () -> open(Path.of(directory), maxTokens);
  }

  private static TokenTruncation open(Path modelDirectory, int maxTokens) throws IOException {
    return new TokenTruncation(
        TextTokenizer.load(modelDirectory, ModelDirectory.described(modelDirectory)), maxTokens);
  }

  @Override
  public UserEvent cut(UserEvent event) throws RejectedRecordException {
    int room = maxTokens - 1;
    if (event.isErasure()
        || utf8Bytes(event.text()) + utf8Bytes(event.prompt()) + PREFIX_TOKENS <= room) {
      return event;
    }
    UserEvent near = nearLimit(event, room);
    if (characters(near) <= (long) CHARACTERS_A_TOKEN * room) {
      return near;
    }
    try {
      return cut(near, room);
    } catch (RuntimeException e) {
      // whatever the library makes of one user's text must not stop the others
      throw new RejectedRecordException(
          RejectionReason.NOT_TOKENIZABLE,
          "the tokenizer must accept prompt and text but fails with "
              + e.getClass().getSimpleName());
    }
  }

  /** Cut at borders of words, without the tokenizer. */
  private UserEvent nearLimit(UserEvent event, int room) {
    TokenBorders borders = tokenizer.borders();
    String text = borders.beginning(event.text(), room);
    String prompt = event.prompt() == null ? null : borders.end(event.prompt(), room);
    return text.equals(event.text()) && Objects.equals(prompt, event.prompt())
        ? event
        : UserEvent.interaction(
            event.userId(), event.eventId(), event.eventTimeMillis(), prompt, text);
  }

  private static long characters(UserEvent event) {
    return (long) event.text().length() + (event.prompt() == null ? 0 : event.prompt().length());
  }

  private UserEvent cut(UserEvent event, int room) {
    Tokens prompt = event.prompt() == null ? Tokens.NONE : tokenizer.tokens(event.prompt());
    Tokens text = tokenizer.tokens(event.text());
    if (prompt.count() + text.count() <= room) {
      return event;
    }
    int keptOfPrompt = TextTokenizer.keptOfContext(prompt.count(), text.count(), room);
    int keptOfText = Math.min(text.count(), room - keptOfPrompt);
    return UserEvent.interaction(
        event.userId(),
        event.eventId(),
        event.eventTimeMillis(),
        keptOfPrompt == 0 ? null : end(event.prompt(), prompt, keptOfPrompt),
        beginning(event.text(), text, keptOfText));
  }

  private String beginning(String text, Tokens tokens, int kept) {
    int atLimit = tokens.charactersOfFirst(kept);
    for (int count = kept; count < Math.min(tokens.count(), kept + MORE_TOKENS + 1); count++) {
      String cut = first(text, tokens.charactersOfFirst(count));
      long[] ids = tokenizer.tokens(cut).ids();
      if (ids.length >= kept && Arrays.equals(ids, 0, kept, tokens.ids(), 0, kept)) {
        return cut;
      }
    }
    return tokens.count() <= kept + MORE_TOKENS ? text : first(text, atLimit);
  }

  private String end(String prompt, Tokens tokens, int kept) {
    int all = tokens.count();
    int atLimit = tokens.charactersOfFirst(all - kept);
    for (int skipped = all - kept; skipped > Math.max(0, all - kept - MORE_TOKENS - 1); skipped--) {
      String cut = withoutFirst(prompt, tokens.charactersOfFirst(skipped));
      long[] ids = tokenizer.tokens(cut).ids();
      if (ids.length >= kept
          && Arrays.equals(ids, ids.length - kept, ids.length, tokens.ids(), all - kept, all)) {
        return cut;
      }
    }
    return all <= kept + MORE_TOKENS ? prompt : withoutFirst(prompt, atLimit);
  }

  /** Takes the first code points, at least one, so that an example is never empty. */
  private static String first(String text, int codePoints) {
    return text.substring(0, text.offsetByCodePoints(0, Math.max(1, codePoints)));
  }

  private static String withoutFirst(String text, int codePoints) {
    return text.substring(text.offsetByCodePoints(0, codePoints));
  }

  private static int utf8Bytes(String text) {
    int bytes = 0;
    for (int i = 0; text != null && i < text.length(); i++) {
      char unit = text.charAt(i);
      // the two halves of a pair make four bytes
      bytes += unit < 0x80 ? 1 : unit < 0x800 || Character.isSurrogate(unit) ? 2 : 3;
    }
    return bytes;
  }

  @Override
  public void close() {
    tokenizer.close();
  }
}
