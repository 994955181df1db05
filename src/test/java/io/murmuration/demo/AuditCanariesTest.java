package io.murmuration.demo;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
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
  void anAuditGoesOnWithItsCanariesAndRefusesOthers() throws Exception {
    Path file = directory.resolve("canaries.json");
    AuditCanaries begun = AuditCanaries.in(file, "epsilon 8", 20);
    assertThat(AuditCanaries.in(file, "epsilon 8", 20)).isEqualTo(begun);
    assertThatThrownBy(() -> AuditCanaries.in(file, "epsilon 2", 20))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("'epsilon 8', but was given 'epsilon 2'");
  }

  @Test
  void fallsThatWereMeasuredAreNotMeasuredAgain_andACutOffLineIs() throws Exception {
    Path file = directory.resolve("falls.txt");
    Files.writeString(file, "0.5\n0.25\n0.1");
    List<String> asked = new ArrayList<>();
    double[] falls =
        CanaryFalls.measure(
            file,
            List.of("a", "b", "c", "d"),
            text -> {
              asked.add(text);
              return 3;
            },
            text -> 1,
            done -> {});
    assertThat(falls).containsExactly(0.5, 0.25, 2, 2);
    assertThat(asked).containsExactly("c", "d");
    assertThat(Files.readAllLines(file)).containsExactly("0.5", "0.25", "2.0", "2.0");
  }
}
