package io.murmuration.model;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/**
 * Tokenizers of every model that the library knows, each with {@code <s>} and {@code </s>} in its
 * vocabulary itself, where they could be come upon in text, and an ordinary added token {@code
 * <tool>}.
 */
enum TinyTokenizers {
  /** Like sentencepiece's: the pieces {@code <s>} and {@code </s>} have the best score of all. */
  UNIGRAM {
    @Override
    String model(List<String> words) {
      List<String> pieces = new ArrayList<>();
      for (String word : words) {
        pieces.add("[\"%s\", %s]".formatted(word, word.length() == 1 ? "-5.0" : "0.0"));
      }
      return "{\"type\": \"Unigram\", \"unk_id\": 0, \"byte_fallback\": false, \"vocab\": [%s]}"
          .formatted(String.join(", ", pieces));
    }
  },
  WORD_LEVEL {
    @Override
    String model(List<String> words) {
      return "{\"type\": \"WordLevel\", \"unk_token\": \"<unk>\", \"vocab\": {%s}}"
          .formatted(vocabulary(words));
    }

    @Override
    String preTokenizer() {
      return "{\"type\": \"WhitespaceSplit\"}";
    }
  },
  WORD_PIECE {
    @Override
    String model(List<String> words) {
      return "{\"type\": \"WordPiece\", \"unk_token\": \"<unk>\", \"continuing_subword_prefix\": \"\", \"max_input_chars_per_word\": 100, \"vocab\": {%s}}"
          .formatted(vocabulary(words));
    }
  },
  /** Whole words of the vocabulary are found without merges. */
  BPE_IGNORING_MERGES {
    @Override
    String model(List<String> words) {
      return "{\"type\": \"BPE\", \"unk_token\": \"<unk>\", \"ignore_merges\": true, \"merges\": [], \"vocab\": {%s}}"
          .formatted(vocabulary(words));
    }

    @Override
    String preTokenizer() {
      return "{\"type\": \"WhitespaceSplit\"}";
    }
  },
  /** Merges lead to a control token. */
  BPE_MERGING {
    @Override
    String model(List<String> words) {
      List<String> all = new ArrayList<>(words);
      all.addAll(List.of("</", "</s"));
      return "{\"type\": \"BPE\", \"unk_token\": \"<unk>\", \"merges\": [\"< /\", \"</ s\", \"</s >\"], \"vocab\": {%s}}"
          .formatted(vocabulary(all));
    }
  };

  static final int BEGINNING = 1;
  static final int END = 2;

  abstract String model(List<String> words);

  String preTokenizer() {
    return "null";
  }

  private static String vocabulary(List<String> words) {
    List<String> entries = new ArrayList<>();
    for (int id = 0; id < words.size(); id++) {
      entries.add("\"%s\": %d".formatted(words.get(id), id));
    }
    return String.join(", ", entries);
  }

  /** Ids 0 to 2 are control tokens, then characters and the words cat and the. */
  static List<String> words() {
    List<String> words = new ArrayList<>(List.of("<unk>", "<s>", "</s>", "cat", "the"));
    for (char c = 'a'; c <= 'z'; c++) {
      words.add(String.valueOf(c));
    }
    words.addAll(List.of("<", ">", "/", "|", " ", "."));
    return words;
  }

  /**
   * Writes {@code tokenizer.json} beside a {@code config.json} of 98 ids.
   *
   * @param listed whether the file lists its control tokens as special
   */
  Path write(Path directory, boolean listed) throws IOException {
    TinyModels.describe(directory, TinyModels.LLAMA3);
    List<String> words = words();
    String added =
        "{\"id\": %d, \"content\": \"%s\", \"single_word\": false, \"lstrip\": false, \"rstrip\":"
            + " false, \"normalized\": false, \"special\": %s}";
    List<String> tokens = new ArrayList<>();
    if (listed) {
      tokens.add(added.formatted(BEGINNING, "<s>", true));
      tokens.add(added.formatted(END, "</s>", true));
    }
    int next = this == BPE_MERGING ? words.size() + 2 : words.size();
    tokens.add(added.formatted(next, "<|im_end|>", true));
    tokens.add(added.formatted(next + 1, "<tool>", false));
    Files.writeString(
        directory.resolve("tokenizer.json"),
        """
        {"version": "1.0", "added_tokens": [%s], "normalizer": null, "pre_tokenizer": %s,
         "post_processor": null, "decoder": {"type": "Fuse"}, "model": %s}
        """
            .formatted(String.join(", ", tokens), preTokenizer(), model(words)));
    return directory;
  }
}
