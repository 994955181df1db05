package io.murmuration.demo;

import static org.assertj.core.api.Assertions.assertThat;

import io.murmuration.model.LanguageModel;
import io.murmuration.model.TextEvaluator;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Set;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class DemoModelTest {
  private static final int CONTEXT = 64;

  @TempDir private Path directory;

  @Test
  void theModelIsSmallAndKnowsTheOldTopicsButNotTheTrend() throws IOException {
    DemoModel.unpack(directory);
    assertThat(Files.size(directory.resolve("model.safetensors"))).isLessThan(2_000_000);
    PublicChat text = new PublicChat();
    try (LanguageModel model = LanguageModel.load(directory)) {
      double oldTopics = loss(model, text.heldOutBeforeTrend(/* seed= */ 21, 100));
      double trend = loss(model, text.heldOutTrend(/* seed= */ 21, 100));
      assertThat(oldTopics).isLessThan(1.3);
      assertThat(trend).isGreaterThan(oldTopics + 2);
    }
  }

  @Test
  void theBaseModelKnowsTheFormOfSecretsAndNotTheirContent() throws IOException {
    DemoModel.unpack(directory);
    try (LanguageModel model = LanguageModel.load(directory)) {
      List<String> secrets =
          Stream.of("482131", "907754", "110236").map(code -> "my door code is " + code).toList();
      double nats = new TextEvaluator(model, secrets, CONTEXT).evaluate().nats() / secrets.size();
      // Six random digits are worth 6 ln 10 = 13.8 nats; that such a sentence begins, a few more.
      assertThat(nats).isBetween(13.0, 24.0);
    }
  }

  @Test
  void pretrainingLearnsAndWritesAWholeModelDirectory() throws IOException {
    ByteArrayOutputStream progress = new ByteArrayOutputStream();
    new PretrainDemoModel(directory, new PrintStream(progress, true, StandardCharsets.UTF_8))
        .run(/* steps= */ 10);
    assertThat(progress.toString(StandardCharsets.UTF_8)).startsWith("step 10: ");
    assertThat(names(directory)).isEqualTo(names(DemoModel.unpack(directory.resolve("shipped"))));
    try (LanguageModel model = LanguageModel.load(directory)) {
      // A guess among 768 tokens costs 6.64 nats.
      assertThat(loss(model, new PretrainingText().messages(/* seed= */ 4).limit(50).toList()))
          .isLessThan(6.6);
    }
  }

  private static double loss(LanguageModel model, List<String> texts) {
    return new TextEvaluator(model, texts, CONTEXT).evaluate().nllPerToken();
  }

  private static Set<String> names(Path model) throws IOException {
    try (Stream<Path> files = Files.list(model)) {
      return files
          .filter(Files::isRegularFile)
          .map(file -> file.getFileName().toString())
          .collect(Collectors.toSet());
    }
  }
}
