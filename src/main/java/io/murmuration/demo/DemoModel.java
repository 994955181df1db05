package io.murmuration.demo;

import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.List;

/**
 * The base model of the demo: a small Llama of the project's own, pretrained on public generated
 * text by {@code scripts/pretrain-demo-model}, and kept on the class path.
 */
public final class DemoModel {
  static final String CONFIG = "config.json";
  static final String GENERATION_CONFIG = "generation_config.json";
  static final String WEIGHTS = "model.safetensors";
  static final String TOKENIZER = "tokenizer.json";
  static final String TOKENIZER_CONFIG = "tokenizer_config.json";

  private static final String RESOURCES = "base-model/";
  private static final List<String> FILES =
      List.of(CONFIG, GENERATION_CONFIG, WEIGHTS, TOKENIZER, TOKENIZER_CONFIG);

  private DemoModel() {}

  /**
   * Copies the model into a directory, as a Hugging Face model directory; what stands there under
   * the same names is replaced.
   *
   * @return the directory
   */
  public static Path unpack(Path directory) throws IOException {
    Files.createDirectories(directory);
    for (String file : FILES) {
      try (InputStream resource = DemoModel.class.getResourceAsStream(RESOURCES + file)) {
        if (resource == null) {
          throw new IllegalStateException(
              "%s%s is missing from the class path".formatted(RESOURCES, file));
        }
        Files.copy(resource, directory.resolve(file), StandardCopyOption.REPLACE_EXISTING);
      }
    }
    return directory;
  }
}
