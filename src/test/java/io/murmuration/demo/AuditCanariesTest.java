package io.murmuration.demo;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalStateException;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.murmuration.model.LanguageModel;
import io.murmuration.model.TextTokenizer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class AuditCanariesTest {

  @TempDir private Path directory;

  @Test
  void onlyThoseWhoAreInSpeak_eachASequenceOfTheirOwn() {
    AuditCanaries canaries = AuditCanaries.toss("settings", 400);
    List<String> said =
        canaries.interactions().stream().map(i -> i.getUserId()).distinct().toList();
    List<String> in =
        canaries.canaries().stream()
            .filter(AuditCanaries.Canary::included)
            .map(AuditCanaries.Canary::userId)
            .toList();
    assertThat(said).containsExactlyElementsOf(in);
    // fair coins leave this range with probability 10⁻⁹
    assertThat(in).hasSizeBetween(138, 262);
    assertThat(canaries.canaries().stream().map(AuditCanaries.Canary::text))
        .doesNotHaveDuplicates();
    assertThat(canaries.coins()).hasSize(400);
  }

  @Test
  void noModelTakesACanaryForAnotherOrForAControlToken() throws Exception {
    AuditCanaries canaries = AuditCanaries.toss("settings", 200);
    for (Path directory : models()) {
      try (LanguageModel model = LanguageModel.load(directory)) {
        TextTokenizer tokenizer = model.tokenizer();
        // throws where one encodes to a control token
        canaries.requireDistinct(tokenizer, 64);
        for (AuditCanaries.Canary canary : canaries.canaries()) {
          long[] ids = tokenizer.encode(null, canary.text(), 1000).ids();
          assertThat(tokenizer.decode(ids).strip()).isEqualTo(canary.text());
        }
      }
    }
  }

  private List<Path> models() throws Exception {
    List<Path> models = new ArrayList<>(List.of(DemoModel.unpack(directory.resolve("demo"))));
    Path shared = Path.of(System.getProperty("murmuration.shared", "")).resolve("models");
    if (Files.isDirectory(shared)) {
      try (Stream<Path> more = Files.list(shared)) {
        more.filter(model -> Files.exists(model.resolve("tokenizer.json"))).forEach(models::add);
      }
    }
    return models;
  }

  @Test
  void canariesThatAModelCannotTellApartAreRefused() throws Exception {
    AuditCanaries canaries = AuditCanaries.toss("settings", 1000);
    try (LanguageModel model = LanguageModel.load(DemoModel.unpack(directory.resolve("demo")))) {
      // beginning of text and a single token: fewer than there are canaries
      assertThatThrownBy(() -> canaries.requireDistinct(model.tokenizer(), 2))
          .isInstanceOf(IllegalArgumentException.class)
          .hasMessageContaining("have the same 2 tokens; raise --max-tokens");
    }
  }

  @Test
  void nobodyOfTheEventsIsACanary() {
    // a stream that holds an earlier audit's canaries has other users and other texts
    AuditCanaries earlier = AuditCanaries.toss("settings", 400);
    AuditCanaries now = AuditCanaries.toss("settings", 400);
    assertThat(now.canaries().stream().map(AuditCanaries.Canary::userId))
        .doesNotContainAnyElementsOf(
            earlier.canaries().stream().map(AuditCanaries.Canary::userId).toList());
    assertThat(now.canaries().stream().map(AuditCanaries.Canary::text))
        .doesNotContainAnyElementsOf(
            earlier.canaries().stream().map(AuditCanaries.Canary::text).toList())
        .allMatch(text -> text.matches("([bcdfghjkmpqvwxz]{3,6} ){7}[bcdfghjkmpqvwxz]{3,6}"));
  }

  @Test
  void anAuditGoesOnWithItsCanariesAndRefusesOthers() throws Exception {
    Path file = directory.resolve("canaries.json");
    AuditCanaries begun = AuditCanaries.in(file, "epsilon 8", 20);
    assertThat(AuditCanaries.in(file, "epsilon 8", 20)).isEqualTo(begun);
    assertThatThrownBy(() -> AuditCanaries.in(file, "epsilon 2", 20))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("'epsilon 8', but was given 'epsilon 2'");
  }

  @Test
  void lossesThatWereMeasuredAreNotMeasuredAgain_andACutOffLineIs() throws Exception {
    Path file = directory.resolve("losses.txt");
    Files.writeString(file, "3.5 1.5\n3.25 1.25\n9.0 0.");
    List<String> asked = new ArrayList<>();
    CanaryLosses losses =
        CanaryLosses.measure(
            file,
            List.of("a", "b", "c", "d"),
            text -> {
              asked.add(text);
              return 3;
            },
            text -> 1,
            done -> {});
    assertThat(losses.base()).containsExactly(3.5, 3.25, 3.0, 3.0);
    assertThat(losses.release()).containsExactly(1.5, 1.25, 1.0, 1.0);
    assertThat(asked).containsExactly("c", "d");
    assertThat(Files.readAllLines(file))
        .containsExactly("3.5 1.5", "3.25 1.25", "3.0 1.0", "3.0 1.0");
  }

  @Test
  void lossesThatAreNoNumbersAreRefused() {
    assertThatIllegalStateException()
        .isThrownBy(
            () ->
                CanaryLosses.measure(
                    directory.resolve("losses.txt"),
                    List.of("a"),
                    text -> 1,
                    text -> Double.NaN,
                    done -> {}))
        .withMessageContaining("canary 0");
  }

  /** The least likely fall the most, which says nothing of who took part. */
  @Test
  void scoresTellWhoTookPartAndNotWhoseSequenceWasUnlikely() {
    List<Double> base = List.of(8.0, 9.0, 10.0, 11.0);
    List<Double> release = List.of(2.8, 3.0, 2.8, 3.0);
    assertThat(new CanaryLosses(base, release).scores())
        .usingComparatorWithPrecision(1e-12)
        .containsExactly(0.04, -0.12, 0.12, -0.04);
    assertThat(new CanaryLosses(List.of(8.0, 8.0), List.of(2.0, 3.0)).scores())
        .as("a base model to which all are the same")
        .containsExactly(0.5, -0.5);
  }
}
