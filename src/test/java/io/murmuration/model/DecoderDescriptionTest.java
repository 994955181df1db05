package io.murmuration.model;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class DecoderDescriptionTest {

  private static final int POSITIONS = 40;

  @TempDir Path directory;

  /** What autograd keeps of a bound of scores, and of more norms, is in the estimate. */
  @Test
  void theEstimateOfActivationsKnowsBoundsAndNorms() throws IOException {
    DecoderDescription capped = described(TinyModels.GEMMA2);
    DecoderDescription free =
        described(
            TinyModels.GEMMA2.replace(
                "\"attn_logit_softcapping\": 2.0", "\"attn_logit_softcapping\": null"));
    // in each of three layers, and once more on the way back
    assertThat(bytes(capped, false) - bytes(free, false))
        .isEqualTo(4 * Float.BYTES * capped.heads() * POSITIONS);

    DecoderDescription normed = described(TinyModels.QWEN3);
    DecoderDescription plain =
        described(
            TinyModels.QWEN3
                .replace("qwen3", "mistral")
                .replaceAll(
                    "\"attention_bias\".*\\n.*\"max_window_layers\": 28,",
                    "\"sliding_window\": null,"));
    long queriesAndKeys = 6L * (4 + 2);
    assertThat(bytes(normed, false) - bytes(plain, false))
        .isEqualTo(3 * Float.BYTES * queriesAndKeys);
    assertThat(bytes(normed, true) - bytes(plain, true))
        .isEqualTo(5 * Float.BYTES * queriesAndKeys);
  }

  private static long bytes(DecoderDescription description, boolean inputsKept) {
    return description.activationBytesPerPosition(POSITIONS, inputsKept);
  }

  private DecoderDescription described(String fields) throws IOException {
    return ModelDirectory.describe(TinyModels.describe(directory.resolve("model"), fields));
  }
}
