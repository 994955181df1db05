package io.murmuration.release;

import java.io.Serializable;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/**
 * What a release is to the Hugging Face tools: a PEFT adapter, or a whole model.
 *
 * @param weightsFile name of the file that each round writes anew
 * @param companions the files beside it that are the same in every release, by name; public
 */
public record ReleaseFormat(String weightsFile, TreeMap<String, byte[]> companions)
    implements Serializable {

  /** Name of the weights' file of a whole model. */
  public static final String MODEL_WEIGHTS_FILE = "model.safetensors";

  private static final String MODEL_CONFIG_FILE = "config.json";
  private static final String TOKENIZER_FILE = "tokenizer.json";

  /** Most parameters of a release: its weights file is one array of bytes, header included. */
  public static final long MAX_PARAMETERS = (Integer.MAX_VALUE - (8L << 20)) / Float.BYTES;

  public ReleaseFormat {
    companions = new TreeMap<>(companions);
    for (String required : requiredBeside(weightsFile)) {
      if (!companions.containsKey(required)) {
        throw new IllegalArgumentException(
            "a release whose weights are in %s needs %s beside them but has only %s"
                .formatted(weightsFile, required, companions.keySet()));
      }
    }
  }

  /** Releases that are adapters. */
  public static ReleaseFormat adapter(PeftAdapter adapter) {
    return new ReleaseFormat(
        PeftAdapter.WEIGHTS_FILE,
        new TreeMap<>(
            Map.of(PeftAdapter.CONFIG_FILE, adapter.config().getBytes(StandardCharsets.UTF_8))));
  }

  /**
   * Releases that are models of their own.
   *
   * @param companions configuration and tokenizer of the base model, by name of the file
   */
  public static ReleaseFormat model(Map<String, byte[]> companions) {
    return new ReleaseFormat(MODEL_WEIGHTS_FILE, new TreeMap<>(companions));
  }

  /** Names of the files without which weights of that name are of no use. */
  static List<String> requiredBeside(String weightsFile) {
    return weightsFile.equals(PeftAdapter.WEIGHTS_FILE)
        ? List.of(PeftAdapter.CONFIG_FILE)
        : List.of(MODEL_CONFIG_FILE, TOKENIZER_FILE);
  }
}
