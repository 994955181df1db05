package io.murmuration.model;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.IOException;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Tokens, logits and losses of pretrained models against float64 reference values. */
class ReferenceValuesTest {

  @ParameterizedTest
  @ValueSource(strings = {"stories260K", "babyllama-tok105"})
  void tokensLogitsAndLossesEqualTheReference(String name) throws IOException {
    JsonNode reference = SharedModels.reference(name + ".json");
    try (LanguageModel model = SharedModels.load(name)) {
      for (JsonNode prompt : reference.path("prompts")) {
        String text = prompt.path("text").asText();
        long[] ids = SharedModels.longs(prompt.path("ids"));
        TokenSequence sequence = model.tokenizer().encode(null, text, 256);
        assertThat(sequence.ids()).isEqualTo(ids);

        float[] logits = TextGenerator.nextLogits(model, ids);
        double sum = 0;
        for (int i = 0; i < 16; i++) {
          assertThat((double) logits[i])
              .isCloseTo(prompt.path("last_logits_first16").path(i).asDouble(), within(1e-4));
        }
        for (float logit : logits) {
          sum += logit;
        }
        assertThat(sum).isCloseTo(prompt.path("last_logits_sum").asDouble(), within(5e-3));

        TextLoss loss = new TextEvaluator(model, List.of(text), 256).evaluate();
        assertThat(loss.tokens()).isEqualTo(prompt.path("predicted_tokens").asLong());
        assertThat(loss.characters()).isEqualTo(text.codePointCount(0, text.length()));
        assertThat(loss.nllPerToken()).isCloseTo(prompt.path("mean_nll").asDouble(), within(1e-5));

        long[] greedy = new TextGenerator(model).generate(ids, 32, 0, null);
        assertThat(Arrays.copyOfRange(greedy, ids.length, greedy.length))
            .isEqualTo(SharedModels.longs(prompt.path("greedy_next32_ids")));
      }
    }
  }

  @Test
  void greedyGenerationEqualsThePublishedSample() throws IOException {
    long[] expected =
        SharedModels.longs(SharedModels.reference("stories260K.greedy257.json").path("ids"));
    try (LanguageModel model = SharedModels.load("stories260K")) {
      long[] ids = new TextGenerator(model).generate(new long[] {1}, expected.length - 1, 0, null);
      assertThat(ids).isEqualTo(expected);
    }
  }

  @Test
  void controlTokensInTextAreText() throws IOException {
    try (LanguageModel model = SharedModels.load("stories260K")) {
      long[] ids = model.tokenizer().encode(null, "a <s> b </s> <unk>", 64).ids();
      assertThat(ids[0]).isEqualTo(1);
      assertThat(Arrays.stream(ids).skip(1)).allMatch(id -> id > 2);
      assertThat(model.tokenizer().decode(ids)).isEqualTo("a <s> b </s> <unk>");
    }
  }
}
