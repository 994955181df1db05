package io.murmuration.model;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class LanguageModelTest {

  private static final String NAME = "model.norm.weight";
  private static final long[] IDS = {1, 5, 6, 7};

  @TempDir Path directory;

  @Test
  void weightsOfTheSameFilesAreLoadedOnceWhoeverUsesThem() throws Exception {
    Path tiny = TinyModels.write(directory.resolve("tiny"), TinyModels.QWEN2, 1);
    Path link = Files.createSymbolicLink(directory.resolve("link"), tiny);
    ExecutorService pool = Executors.newFixedThreadPool(4);
    List<LanguageModel> models = new ArrayList<>();
    try {
      List<Future<LanguageModel>> loading = new ArrayList<>();
      for (int i = 0; i < 4; i++) {
        Path path = i % 2 == 0 ? tiny : link;
        loading.add(pool.submit(() -> LanguageModel.load(path)));
      }
      for (Future<LanguageModel> model : loading) {
        models.add(model.get());
      }
    } finally {
      pool.shutdownNow();
    }
    LanguageModel last = models.remove(0);
    float[] expected = TextGenerator.nextLogits(last, IDS);
    for (LanguageModel model : models) {
      assertThat(model.tensor(NAME)).isSameAs(last.tensor(NAME));
      model.close();
      model.close(); // a second time changes nothing
    }
    assertThat(TextGenerator.nextLogits(last, IDS)).isEqualTo(expected);
    var weights = last.tensor(NAME);
    last.close();
    assertThatThrownBy(weights::toFloatArray).isInstanceOf(IllegalStateException.class);
    try (LanguageModel again = LanguageModel.load(tiny)) {
      assertThat(again.tensor(NAME)).isNotSameAs(weights);
      assertThat(TextGenerator.nextLogits(again, IDS)).isEqualTo(expected);
    }
  }

  @Test
  void aDirectoryThatWasWrittenAnewIsAnotherModel() throws IOException {
    Path tiny = TinyModels.write(directory.resolve("tiny"), TinyModels.QWEN2, 1);
    Path other = TinyModels.write(directory.resolve("other"), TinyModels.QWEN2, 2);
    try (LanguageModel before = LanguageModel.load(tiny)) {
      Files.copy(
          other.resolve("model.safetensors"),
          tiny.resolve("model.safetensors"),
          StandardCopyOption.REPLACE_EXISTING);
      try (LanguageModel after = LanguageModel.load(tiny);
          LanguageModel expected = LanguageModel.load(other)) {
        assertThat(after.values(NAME)).isEqualTo(expected.values(NAME));
        assertThat(before.values(NAME)).isNotEqualTo(expected.values(NAME));
      }
    }
  }

  @Test
  void aDirectoryThatFailsToLoadIsTriedAgain() throws IOException {
    Path tiny = TinyModels.write(directory.resolve("tiny"), TinyModels.QWEN2, 1);
    Path weights = tiny.resolve("model.safetensors");
    Path away = Files.move(weights, directory.resolve("away"));
    assertThatThrownBy(() -> LanguageModel.load(tiny)).isInstanceOf(ModelFormatException.class);
    Files.move(away, weights);
    try (LanguageModel model = LanguageModel.load(tiny)) {
      assertThat(model.values(NAME)).isNotEmpty();
    }
  }
}
