package io.murmuration.model;

import com.fasterxml.jackson.databind.JsonNode;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;
import java.util.Set;

/**
 * Says where a text can be cut without tokenizing it, so that what is left has the same tokens as
 * before.
 *
 * <p>A <em>border</em> is where a letter is followed by a space or by a mark of Chinese or Japanese
 * punctuation; letters are here ASCII letters and digits, ideographs and kana. Two conditions on a
 * {@code tokenizer.json} of byte-pair encoding make it a border of tokens in every text:
 *
 * <ol>
 *   <li>Normalizer and pre-tokenizer are of a known kind. They change neither the characters at a
 *       border nor, on one side of it, anything for what stands on the other side: normalizers
 *       replace spaces, put a mark before the text, or compose characters (NFC composes neither
 *       across a space nor across those marks); the patterns of pre-tokenizers match no letter
 *       together with a space or mark after it, look at no character beyond the border to decide
 *       about one before it, and have no memory of what they have matched.
 *   <li>No token spans a border: the pre-tokenizer's pattern cuts there, or no token of the
 *       vocabulary spells a letter followed by the space or mark, which is a token of its own. Of
 *       the space this is asked in both cases. No added token that a text can name has a border
 *       inside, or takes the spaces behind it.
 * </ol>
 *
 * <p>Then, of a text with a border at position i:
 *
 * <ul>
 *   <li><b>Its tokens are those of both sides.</b> Tokens spell the normalized text, and none spans
 *       the border (2). Byte-pair encoding only makes tokens of the vocabulary, inside a piece of
 *       the pre-tokenizer, so it never merges across the border, and which merges it makes on one
 *       side depends on that side alone: the best merge of the whole text is the best merge of one
 *       of its sides. Pieces are those of both sides (1). A fused unknown token ends at the border,
 *       since what follows is not unknown (2).
 *   <li><b>A text with n borders has more than n tokens</b>: each side of each border has one.
 * </ul>
 *
 * So what stands before the n-th border encodes to at least n tokens, which are the first of the
 * whole text; what stands after the n-th border from the end to at least n, which are its last. The
 * end is cut at spaces only: a tokenizer that puts a mark for a space before a text does so for
 * what is left, where the space at the border goes; elsewhere it stays.
 *
 * <p>A tokenizer that takes a whole piece for a token where the vocabulary has it, without merging
 * ({@code ignore_merges}), must be one whose pattern cuts pieces at borders.
 */
final class TokenBorders {

  /** The space and the marks. */
  private static final String ENDINGS = " ，。、！？；：";

  /** Patterns of GPT-2 and of what came after it, up to how digits are grouped. */
  private static final Set<String> PATTERNS =
      Set.of(
          afterGpt2("\\p{N}"),
          afterGpt2("\\p{N}{1,3}"),
          "'s|'t|'re|'ve|'m|'ll|'d| ?\\p{L}+| ?\\p{N}+| ?[^\\s\\p{L}\\p{N}]+|\\s+(?!\\S)|\\s+");

  private static String afterGpt2(String digits) {
    return "(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|"
        + digits
        + "| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+";
  }

  private static final String WORD_MARK = "\u2581";

  /** How the byte-level alphabet spells a space. */
  private static final String BYTE_LEVEL_SPACE = "\u0120";

  private final String endings;
  private final boolean marksBeginning;

  /**
   * @param endings that make a border after a letter
   */
  private TokenBorders(String endings, boolean marksBeginning) {
    this.endings = endings;
    this.marksBeginning = marksBeginning;
  }

  /**
   * What can be said of a {@code tokenizer.json}.
   *
   * @param added those of its added tokens that a text can name
   */
  static TokenBorders of(JsonNode tokenizer, List<JsonNode> added) {
    List<JsonNode> normalizers = steps(tokenizer.path("normalizer"), "normalizers");
    List<JsonNode> preTokenizers = steps(tokenizer.path("pre_tokenizer"), "pretokenizers");
    boolean replaces = normalizers.stream().anyMatch(TokenBorders::replacesSpaces);
    boolean marks = normalizers.stream().anyMatch(TokenBorders::prepends);
    boolean byteLevel = has(preTokenizers, "ByteLevel");
    boolean metaspace = has(preTokenizers, "Metaspace");
    String space = replaces || metaspace ? WORD_MARK : byteLevel ? BYTE_LEVEL_SPACE : " ";
    boolean cuts = preTokenizers.stream().anyMatch(TokenBorders::cutsAtBorders);
    JsonNode model = tokenizer.path("model");
    boolean known =
        normalizers.stream().allMatch(TokenBorders::isKnownNormalizer)
            && preTokenizers.stream().allMatch(step -> isKnownPreTokenizer(step, replaces))
            && !(byteLevel && (replaces || metaspace))
            && (!marks || replaces || metaspace)
            && isPlainBytePairEncoding(model)
            && added.stream().noneMatch(TokenBorders::mayCoverABorder)
            && (cuts || !model.path("ignore_merges").asBoolean())
            && isBorderOfTokens(model.path("vocab"), space);
    StringBuilder endings = new StringBuilder();
    for (String ending : known ? ENDINGS.split("") : new String[0]) {
      if (ending.equals(" ")
          || cuts
          || !byteLevel && isBorderOfTokens(model.path("vocab"), ending)) {
        endings.append(ending);
      }
    }
    return new TokenBorders(endings.toString(), marks);
  }

  private static List<JsonNode> steps(JsonNode node, String sequence) {
    if (node.isMissingNode() || node.isNull()) {
      return List.of();
    }
    if (!node.path("type").asText().equals("Sequence")) {
      return List.of(node);
    }
    List<JsonNode> steps = new ArrayList<>();
    node.path(sequence).forEach(step -> steps.addAll(steps(step, sequence)));
    return steps;
  }

  private static boolean has(List<JsonNode> steps, String type) {
    return steps.stream().anyMatch(step -> step.path("type").asText().equals(type));
  }

  private static boolean replacesSpaces(JsonNode normalizer) {
    return normalizer.path("type").asText().equals("Replace")
        && normalizer.path("pattern").path("String").asText().equals(" ")
        && normalizer.path("content").asText().equals(WORD_MARK);
  }

  private static boolean prepends(JsonNode normalizer) {
    return normalizer.path("type").asText().equals("Prepend")
        && normalizer.path("prepend").asText().equals(WORD_MARK);
  }

  private static boolean isKnownNormalizer(JsonNode normalizer) {
    return normalizer.path("type").asText().equals("NFC")
        || replacesSpaces(normalizer)
        || prepends(normalizer);
  }

  private static boolean isKnownPreTokenizer(JsonNode step, boolean spacesAreReplaced) {
    return switch (step.path("type").asText()) {
      case "ByteLevel", "Digits" -> true;
      case "Metaspace" -> step.path("replacement").asText().equals(WORD_MARK);
      case "Split" ->
          PATTERNS.contains(step.path("pattern").path("Regex").asText())
                  && step.path("behavior").asText().equals("Isolated")
                  && !step.path("invert").asBoolean()
              // finds nothing, since there are no spaces any more
              || spacesAreReplaced && step.path("pattern").path("String").asText().equals(" ");
      default -> false;
    };
  }

  /** Whether what stands on both sides of a border is never in one piece. */
  private static boolean cutsAtBorders(JsonNode step) {
    return switch (step.path("type").asText()) {
      case "ByteLevel" -> step.path("use_regex").asBoolean(true);
      case "Split" -> step.path("pattern").has("Regex");
      default -> false;
    };
  }

  private static boolean isPlainBytePairEncoding(JsonNode model) {
    return model.path("type").asText().equals("BPE")
        && model.path("dropout").asDouble(0) == 0
        && model.path("continuing_subword_prefix").asText("").isEmpty()
        && model.path("end_of_word_suffix").asText("").isEmpty();
  }

  /** Inside of it, or at its end, where it takes the spaces that follow. */
  private static boolean mayCoverABorder(JsonNode added) {
    String content = added.path("content").asText();
    for (int i = 1; i < content.length(); i++) {
      if (ENDINGS.indexOf(content.charAt(i)) >= 0 && isLetter(content.charAt(i - 1))) {
        return true;
      }
    }
    return added.path("rstrip").asBoolean();
  }

  /** Whether it is a token, and none has it after a letter. */
  private static boolean isBorderOfTokens(JsonNode vocabulary, String ending) {
    for (Iterator<String> tokens = vocabulary.fieldNames(); tokens.hasNext(); ) {
      String token = tokens.next();
      for (int i = token.indexOf(ending, 1); i > 0; i = token.indexOf(ending, i + 1)) {
        if (isLetter(token.charAt(i - 1))) {
          return false;
        }
      }
    }
    return vocabulary.has(ending);
  }

  private static boolean isLetter(char c) {
    return c >= 'a' && c <= 'z'
        || c >= 'A' && c <= 'Z'
        || c >= '0' && c <= '9'
        || c >= '\u4e00' && c <= '\u9fa5'
        || c >= '\u3041' && c <= '\u3096'
        || c >= '\u30a1' && c <= '\u30fa';
  }

  private boolean isBorder(String text, int i) {
    return endings.indexOf(text.charAt(i)) >= 0 && isLetter(text.charAt(i - 1));
  }

  /**
   * The beginning of a text, whose first tokens are those of the whole.
   *
   * @param tokens that have to be left at least; 1 or more
   * @return the text itself where it has fewer borders, or where nothing is known of them
   */
  String beginning(String text, int tokens) {
    int left = endings.isEmpty() ? 0 : tokens;
    for (int i = 1; left > 0 && i < text.length(); i++) {
      if (isBorder(text, i) && --left == 0) {
        return text.substring(0, i);
      }
    }
    return text;
  }

  /** The same of the end of a text. */
  String end(String text, int tokens) {
    int left = endings.isEmpty() ? 0 : tokens;
    for (int i = text.length() - 2; left > 0 && i > 0; i--) {
      if (text.charAt(i) == ' ' && isBorder(text, i) && --left == 0) {
        return text.substring(marksBeginning ? i + 1 : i);
      }
    }
    return text;
  }
}
