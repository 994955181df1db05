package io.murmuration.demo;

import static org.assertj.core.api.Assertions.assertThat;

import ai.djl.huggingface.tokenizers.HuggingFaceTokenizer;
import java.io.ByteArrayInputStream;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

class BytePairVocabularyTest {
  private static final int SIZE = 420;

  @Test
  void theTokenizerOfTheLearnedVocabularyReadsWordsDigitsAndAnythingElse() throws Exception {
    List<String> texts = new PretrainingText().messages(3).limit(2_000).toList();
    BytePairVocabulary vocabulary = BytePairVocabulary.learn(texts, SIZE);
    assertThat(vocabulary.size()).isEqualTo(SIZE);
    assertThat(BytePairVocabulary.learn(texts, SIZE).toTokenizerJson())
        .isEqualTo(vocabulary.toTokenizerJson());
    byte[] json = vocabulary.toTokenizerJson().getBytes(StandardCharsets.UTF_8);
    try (HuggingFaceTokenizer tokenizer =
        HuggingFaceTokenizer.newInstance(
            new ByteArrayInputStream(json),
            Map.of("addSpecialTokens", "false", "padding", "false", "truncation", "false"))) {
      assertThat(tokenizer.encode("my door code is 482131").getTokens())
          .containsSubsequence("4", "8", "2", "1", "3", "1");
      assertThat(tokenizer.encode("the train to").getTokens().length).isLessThan(8);
      for (String text :
          List.of("Remind me to water the basil", "Ärger mit \uD83D\uDE00 und\nneu")) {
        assertThat(tokenizer.decode(tokenizer.encode(text).getIds())).isEqualTo(text);
      }
      assertThat(tokenizer.encode("a", /* addSpecialTokens= */ true, false).getTokens()[0])
          .isEqualTo("<s>");
    }
  }
}
