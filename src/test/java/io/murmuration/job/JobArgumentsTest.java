package io.murmuration.job;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class JobArgumentsTest {

  @TempDir private Path directory;

  private static Map<String, String> settings(String... arguments) {
    return JobArguments.settings(arguments);
  }

  @Test
  void whatIsSetWinsOverTheFile() throws IOException {
    Path file =
        Files.writeString(
            directory.resolve("job.yaml"), "privacy:\n  epsilon: 8\n  domain: chat\n");

    assertThat(
            settings(
                "--config", file.toString(), "--set", "privacy.epsilon=10", "--set", "a.b=c=d"))
        .containsExactlyInAnyOrderEntriesOf(
            Map.of("privacy.epsilon", "10", "privacy.domain", "chat", "a.b", "c=d"));
  }

  @Test
  void theBudgetIsRaisedByAFlag() {
    assertThat(settings()).isEmpty();
    assertThat(settings("--raise-budget")).containsEntry("privacy.raise-budget", "true");
    assertThat(settings("--set", "privacy.epsilon=10", "--raise-budget"))
        .containsEntry("privacy.raise-budget", "true")
        .containsEntry("privacy.epsilon", "10");
    assertThat(settings("--raise-budget", "--set", "privacy.epsilon=10"))
        .containsEntry("privacy.raise-budget", "true");
  }

  @Test
  void newGenerationTakesItsNumber() {
    assertThat(settings("--raise-budget", "--new-generation", "2", "--set", "privacy.epsilon=10"))
        .containsEntry("horizon.new-generation", "2")
        .containsEntry("privacy.epsilon", "10");
  }

  @Test
  void anArgumentThatIsNotKnownIsRefused() {
    assertThatThrownBy(() -> settings("--raise-bugdet", "--epsilon", "9"))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining(
            "--config FILE, --set key=value, --raise-budget and --new-generation N")
        .hasMessageContaining("given --epsilon, --raise-bugdet");
    assertThatThrownBy(() -> settings("--set", "epsilon"))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("--set must be followed by key=value but is followed by epsilon");
  }
}
