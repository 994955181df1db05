package io.murmuration.demo;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Collections;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * A byte-pair vocabulary with byte fallback in the layout of Llama tokenizers, learned from text.
 *
 * <p>Ids: {@code <unk>} 0, {@code <s>} 1, {@code </s>} 2, the 256 bytes, the word mark, printable
 * ASCII, then one token for each merge. A merge never crosses words and never takes in a digit:
 * numbers are read digit by digit, so that all numbers of a length cost the same number of tokens.
 *
 * <p>The algorithm is that of Sennrich, Haddow, Birch, "Neural Machine Translation of Rare Words
 * with Subword Units" (ACL 2016): again and again the most frequent adjacent pair becomes a token;
 * ties go to the alphabet, so that the same text gives the same vocabulary.
 */
final class BytePairVocabulary {
  private static final String WORD_MARK = "\u2581";
  private static final List<String> SPECIAL = List.of("<unk>", "<s>", "</s>");
  private static final int BYTES = 256;
  private static final char FIRST_PRINTABLE = '!';
  private static final char LAST_PRINTABLE = '~';

  private final List<String> tokens;
  private final List<Pair> merges;

  private BytePairVocabulary(List<String> tokens, List<Pair> merges) {
    this.tokens = List.copyOf(tokens);
    this.merges = List.copyOf(merges);
  }

  private record Pair(String left, String right) implements Comparable<Pair> {
    String joined() {
      return left + right;
    }

    @Override
    public int compareTo(Pair other) {
      int byLeft = left.compareTo(other.left);
      return byLeft != 0 ? byLeft : right.compareTo(other.right);
    }
  }

  /**
   * Learns a vocabulary.
   *
   * @param size number of tokens; fewer result when the text has no more pairs to merge
   */
  static BytePairVocabulary learn(Collection<String> texts, int size) {
    Set<String> tokens = new LinkedHashSet<>(SPECIAL);
    for (int b = 0; b < BYTES; b++) {
      tokens.add("<0x%02X>".formatted(b));
    }
    tokens.add(WORD_MARK);
    for (char c = FIRST_PRINTABLE; c <= LAST_PRINTABLE; c++) {
      tokens.add(String.valueOf(c));
    }
    if (size < tokens.size()) {
      throw new IllegalArgumentException(
          "a vocabulary needs at least %d tokens, not %d".formatted(tokens.size(), size));
    }
    List<Word> words = countWords(texts);
    Map<Pair, Integer> pairs = new HashMap<>();
    words.forEach(word -> addPairs(pairs, word, word.count()));
    List<Pair> merges = new ArrayList<>();
    while (tokens.size() < size && !pairs.isEmpty()) {
      Pair best = mostFrequent(pairs);
      merges.add(best);
      tokens.add(best.joined());
      for (int i = 0; i < words.size(); i++) {
        Word word = words.get(i);
        if (word.contains(best)) {
          addPairs(pairs, word, -word.count());
          words.set(i, word.merged(best));
          addPairs(pairs, words.get(i), word.count());
        }
      }
    }
    return new BytePairVocabulary(List.copyOf(tokens), merges);
  }

  private static List<Word> countWords(Collection<String> texts) {
    Map<String, Integer> counts = new LinkedHashMap<>();
    for (String text : texts) {
      for (String word : text.split(" ")) {
        counts.merge(WORD_MARK + word, 1, Integer::sum);
      }
    }
    List<Word> words = new ArrayList<>();
    counts.forEach(
        (word, count) ->
            words.add(new Word(word.codePoints().mapToObj(Character::toString).toList(), count)));
    return words;
  }

  /** Counts the pairs of a word so many times more; what is left at zero goes. */
  private static void addPairs(Map<Pair, Integer> pairs, Word word, int times) {
    for (int i = 0; i + 1 < word.tokens().size(); i++) {
      Pair pair = word.pair(i);
      if (pair.joined().chars().noneMatch(Character::isDigit)) {
        pairs.merge(pair, times, (before, more) -> before + more == 0 ? null : before + more);
      }
    }
  }

  private static Pair mostFrequent(Map<Pair, Integer> pairs) {
    return Collections.max(
            pairs.entrySet(),
            Map.Entry.<Pair, Integer>comparingByValue()
                .thenComparing(Map.Entry.<Pair, Integer>comparingByKey().reversed()))
        .getKey();
  }

  /** A word as it is tokenized so far, and how often it occurs. */
  private record Word(List<String> tokens, int count) {
    Pair pair(int first) {
      return new Pair(tokens.get(first), tokens.get(first + 1));
    }

    private boolean hasAt(int first, Pair pair) {
      return first + 1 < tokens.size()
          && tokens.get(first).equals(pair.left())
          && tokens.get(first + 1).equals(pair.right());
    }

    boolean contains(Pair pair) {
      for (int i = 0; i + 1 < tokens.size(); i++) {
        if (hasAt(i, pair)) {
          return true;
        }
      }
      return false;
    }

    Word merged(Pair pair) {
      List<String> merged = new ArrayList<>(tokens.size());
      for (int i = 0; i < tokens.size(); i++) {
        if (hasAt(i, pair)) {
          merged.add(pair.joined());
          i++;
        } else {
          merged.add(tokens.get(i));
        }
      }
      return new Word(merged, count);
    }
  }

  /** The id of a byte that stands for itself, where no character token covers it. */
  static int byteToken(byte value) {
    return SPECIAL.size() + Byte.toUnsignedInt(value);
  }

  /** Number of tokens. */
  int size() {
    return tokens.size();
  }

  /** The vocabulary as a Hugging Face {@code tokenizer.json}. */
  String toTokenizerJson() {
    JsonNodeFactory nodes = JsonNodeFactory.instance;
    ObjectNode root = nodes.objectNode();
    root.put("version", "1.0");
    root.putNull("truncation");
    root.putNull("padding");
    ArrayNode added = root.putArray("added_tokens");
    for (int id = 0; id < SPECIAL.size(); id++) {
      ObjectNode token = added.addObject();
      token.put("id", id).put("content", SPECIAL.get(id));
      token.put("single_word", false).put("lstrip", false).put("rstrip", false);
      token.put("normalized", false).put("special", true);
    }
    ArrayNode normalizers =
        root.putObject("normalizer").put("type", "Sequence").putArray("normalizers");
    normalizers.addObject().put("type", "Prepend").put("prepend", WORD_MARK);
    normalizers.add(replace(" ", WORD_MARK));
    root.putNull("pre_tokenizer");
    root.set("post_processor", beginningOfText());
    ArrayNode decoders = root.putObject("decoder").put("type", "Sequence").putArray("decoders");
    decoders.add(replace(WORD_MARK, " "));
    decoders.addObject().put("type", "ByteFallback");
    decoders.addObject().put("type", "Fuse");
    decoders.addObject().put("type", "Strip").put("content", " ").put("start", 1).put("stop", 0);
    root.set("model", model());
    return root.toPrettyString() + "\n";
  }

  private static ObjectNode replace(String pattern, String content) {
    ObjectNode node = JsonNodeFactory.instance.objectNode().put("type", "Replace");
    node.putObject("pattern").put("String", pattern);
    return node.put("content", content);
  }

  private static ObjectNode beginningOfText() {
    String begin = SPECIAL.get(1);
    ObjectNode node = JsonNodeFactory.instance.objectNode().put("type", "TemplateProcessing");
    ArrayNode single = node.putArray("single");
    single.addObject().putObject("SpecialToken").put("id", begin).put("type_id", 0);
    single.addObject().putObject("Sequence").put("id", "A").put("type_id", 0);
    ArrayNode pair = node.putArray("pair");
    pair.addAll(single);
    pair.addObject().putObject("SpecialToken").put("id", begin).put("type_id", 1);
    pair.addObject().putObject("Sequence").put("id", "B").put("type_id", 1);
    ObjectNode special = node.putObject("special_tokens").putObject(begin).put("id", begin);
    special.putArray("ids").add(1);
    special.putArray("tokens").add(begin);
    return node;
  }

  private ObjectNode model() {
    ObjectNode model = JsonNodeFactory.instance.objectNode().put("type", "BPE");
    model.putNull("dropout");
    model.put("unk_token", SPECIAL.get(0));
    model.putNull("continuing_subword_prefix");
    model.putNull("end_of_word_suffix");
    model.put("fuse_unk", true).put("byte_fallback", true).put("ignore_merges", false);
    ObjectNode vocabulary = model.putObject("vocab");
    for (int id = 0; id < tokens.size(); id++) {
      vocabulary.put(tokens.get(id), id);
    }
    ArrayNode mergeList = model.putArray("merges");
    merges.forEach(pair -> mergeList.addArray().add(pair.left()).add(pair.right()));
    return model;
  }
}
