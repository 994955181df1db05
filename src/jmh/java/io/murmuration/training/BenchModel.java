package io.murmuration.training;

import io.murmuration.event.Example;
import io.murmuration.model.LanguageModel;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.stream.Collectors;
import java.util.stream.IntStream;

/**
 * A Llama of a given size with random weights, and a cohort of random text for it; every character
 * is a token.
 *
 * @param hidden width of the residual stream
 * @param layers decoder layers
 * @param users slices of a cohort
 * @param sequences examples a user
 * @param tokens ids an example, beginning-of-text included
 */
record BenchModel(int hidden, int layers, int users, int sequences, int tokens) {

  private static final int CHARACTERS = 64;

  /** From {@code hidden x layers x users x sequences x tokens}. */
  static BenchModel parse(String shape) {
    int[] sizes = java.util.Arrays.stream(shape.split("x")).mapToInt(Integer::parseInt).toArray();
    return new BenchModel(sizes[0], sizes[1], sizes[2], sizes[3], sizes[4]);
  }

  /** Writes configuration and tokenizer, and loads random weights. */
  LanguageModel load(Path directory) throws IOException {
    Files.createDirectories(directory);
    Files.writeString(
        directory.resolve("config.json"),
        """
        {"model_type": "llama", "vocab_size": 512, "hidden_size": %d, "intermediate_size": %d,
         "num_hidden_layers": %d, "num_attention_heads": 8, "num_key_value_heads": 4,
         "max_position_embeddings": 512, "rms_norm_eps": 1e-5, "tie_word_embeddings": true,
         "bos_token_id": 1, "eos_token_id": 1}
        """
            .formatted(hidden, hidden * 11 / 4, layers));
    String vocabulary =
        IntStream.range(0, CHARACTERS)
            .mapToObj(
                i -> {
                  char c = (char) ('0' + i);
                  return (c == '\\' ? "\"\\\\\"" : "\"" + c + "\"") + ": " + (2 + i);
                })
            .collect(Collectors.joining(", "));
    Files.writeString(
        directory.resolve("tokenizer.json"),
        """
        {"version": "1.0", "added_tokens": [], "normalizer": null, "pre_tokenizer": null,
         "post_processor": null, "decoder": {"type": "Fuse"},
         "model": {"type": "BPE", "unk_token": "<unk>", "merges": [],
           "vocab": {"<unk>": 0, "<s>": 1, %s}}}
        """
            .formatted(vocabulary));
    return LanguageModel.initialize(directory, 1);
  }

  /** A cohort of one slice a user. */
  List<PrivacySlice> cohort() {
    Random random = new Random(2);
    List<PrivacySlice> slices = new ArrayList<>();
    for (int u = 0; u < users; u++) {
      slices.add(
          new PrivacySlice(
              IntStream.range(0, sequences)
                  .mapToObj(s -> new Example(null, text(random, tokens - 1)))
                  .toList()));
    }
    return slices;
  }

  /** The same depth, and so the same calls, with as little arithmetic as can be. */
  BenchModel callsAlone() {
    return new BenchModel(16, layers, 1, 1, 2);
  }

  private static String text(Random random, int length) {
    return random
        .ints(length, 0, CHARACTERS)
        .mapToObj(i -> String.valueOf((char) ('0' + i)))
        .collect(Collectors.joining());
  }

  @Override
  public String toString() {
    return "d%d L%d, %d users × %d × %d tokens".formatted(hidden, layers, users, sequences, tokens);
  }
}
