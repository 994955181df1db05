package io.murmuration.config;

import org.apache.flink.configuration.ConfigOption;
import org.apache.flink.configuration.ConfigOptions;

/** What keyed state keeps of a user, and which records may enter it. */
public final class ContributionOptions {

  /** Says where a text is cut before it enters state. */
  public enum TruncationKind {
    /** A text is cut at the token limit, by the model's tokenizer. */
    TOKENS,
    /** A text is cut at the numbers of characters alone. */
    CHARACTERS
  }

  public static final ConfigOption<Long> WINDOW_TICKS =
      ConfigOptions.key("contribution.window-ticks")
          .longType()
          .defaultValue(144L)
          .withDescription("W: length of a tumbling window in ticks.");

  public static final ConfigOption<Integer> EXAMPLES_PER_WINDOW =
      ConfigOptions.key("contribution.examples-per-window")
          .intType()
          .defaultValue(8)
          .withDescription(
              "g: most examples of a user that a window keeps, a uniform sample of what the user"
                  + " said in it.");

  public static final ConfigOption<Integer> WINDOWS =
      ConfigOptions.key("contribution.windows")
          .intType()
          .defaultValue(7)
          .withDescription(
              "K: how many windows stay live, the filling one included. A pool never exceeds g·K"
                  + " examples.");

  public static final ConfigOption<Integer> MAX_USER_ID_BYTES =
      ConfigOptions.key("events.max-user-id-bytes")
          .intType()
          .defaultValue(256)
          .withDescription("Records with a longer user id (UTF-8) are dead letters.");

  public static final ConfigOption<Integer> MAX_TEXT_CHARS =
      ConfigOptions.key("events.max-text-chars")
          .intType()
          .defaultValue(16_384)
          .withDescription("Records with a longer text or prompt are dead letters.");

  public static final ConfigOption<Integer> KEPT_TEXT_CHARS =
      ConfigOptions.key("events.kept-text-chars")
          .intType()
          .defaultValue(4096)
          .withDescription("Of a text no more than this is kept in state, from its beginning.");

  public static final ConfigOption<Integer> KEPT_PROMPT_CHARS =
      ConfigOptions.key("events.kept-prompt-chars")
          .intType()
          .defaultValue(4096)
          .withDescription(
              "Of a prompt no more than this is kept in state, its end; 0 drops prompts.");

  public static final ConfigOption<TruncationKind> TRUNCATION =
      ConfigOptions.key("events.truncation")
          .enumType(TruncationKind.class)
          .defaultValue(TruncationKind.TOKENS)
          .withDescription(
              "TOKENS: little more than can be trained under training.max-tokens enters state. A"
                  + " text is cut after as many words as tokens are allowed; only where more than"
                  + " 16 characters a token are left, as in a long text without spaces, does ingest"
                  + " use the model's tokenizer.json, which it always reads. CHARACTERS: only the"
                  + " two lengths above cut, and training cuts the rest.");

  public static final ConfigOption<Integer> MAX_RECORD_BYTES =
      ConfigOptions.key("events.max-record-bytes")
          .intType()
          .defaultValue(1_000_000)
          .withDescription("Records with a larger key plus value are dead letters.");

  private ContributionOptions() {}
}
