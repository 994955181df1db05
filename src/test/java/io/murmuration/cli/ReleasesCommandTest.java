package io.murmuration.cli;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import io.murmuration.release.DirectoryModelStore;
import io.murmuration.release.ReleaseFixtures;
import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import picocli.CommandLine;

class ReleasesCommandTest {

  @TempDir private Path root;
  private final StringWriter out = new StringWriter();
  private final StringWriter err = new StringWriter();

  @BeforeEach
  void publish() throws IOException {
    DirectoryModelStore store = DirectoryModelStore.open(root);
    for (long round = 1; round <= 3; round++) {
      store.commit(store.stage(ReleaseFixtures.files(round, (float) round)));
    }
  }

  private int run(String... arguments) {
    return new CommandLine(new ReleasesCommand())
        .setOut(new PrintWriter(out, true))
        .setErr(new PrintWriter(err, true))
        .execute(arguments);
  }

  @Test
  void listsRoundsAndPrivacySpent() {
    assertThat(run("list", root.toString())).isZero();

    assertThat(out.toString().lines())
        .hasSize(4)
        .element(3)
        .asString()
        .matches("round-00000003 +chat +1 +0[.]3000 +1[.]0e-06 +[0-9a-f]{12}");
  }

  @Test
  void listsAsJson() throws IOException {
    assertThat(run("list", root.toString(), "--json")).isZero();

    JsonNode releases = new JsonMapper().readTree(out.toString());
    assertThat(releases).hasSize(3);
    assertThat(releases.get(1).get("release").asText()).isEqualTo("round-00000002");
    assertThat(releases.get(1).get("manifest").get("epsilon_spent").asDouble()).isEqualTo(0.20002);
  }

  @Test
  void showsTheNewestStatementByDefaultAndAnotherByRound() throws IOException {
    assertThat(run("show", root.toString())).isZero();
    assertThat(out.toString()).contains("up to and including round 3 together");

    out.getBuffer().setLength(0);
    assertThat(run("show", root.toString(), "2", "--json")).isZero();
    assertThat(new JsonMapper().readTree(out.toString()).get("round").asLong()).isEqualTo(2);
  }

  @Test
  void verifiesSoundReleases() {
    assertThat(run("verify", root.toString())).isZero();

    assertThat(out.toString()).contains("round-00000002  ok").contains("3 of 3 releases are sound");
  }

  @Test
  void findsDamagedWeightsAndMissingFiles() throws IOException {
    byte[] weights = Files.readAllBytes(root.resolve("round-00000002/adapter_model.safetensors"));
    weights[weights.length - 1] ^= 1;
    Files.write(root.resolve("round-00000002/adapter_model.safetensors"), weights);
    Files.delete(root.resolve("round-00000003/PRIVACY.md"));

    assertThat(run("verify", root.toString())).isEqualTo(1);

    assertThat(out.toString())
        .contains("round-00000002  SHA-256 of adapter_model.safetensors is")
        .contains("round-00000003  there is no PRIVACY.md")
        .contains("1 of 3 releases are sound");
  }

  @Test
  void findsACopyUnderAnotherRoundAndAFallingEpsilon() throws IOException {
    Path copy = Files.createDirectory(root.resolve("round-00000009"));
    for (String file :
        new String[] {
          "manifest.json", "PRIVACY.md", "adapter_config.json", "adapter_model.safetensors"
        }) {
      Files.copy(root.resolve("round-00000001").resolve(file), copy.resolve(file));
    }

    assertThat(run("verify", root.toString(), "--json")).isEqualTo(1);

    assertThat(out.toString())
        .contains("its manifest is that of round 1")
        .contains("its ε, 0.10001, is below the 0.30003 of round 3")
        .contains("it names the same charge as round-00000001");
  }

  @Test
  void prunesAllButTheNewest() throws IOException {
    assertThat(run("prune", root.toString(), "--keep", "1")).isZero();

    assertThat(out.toString()).isEqualToIgnoringNewLines("removed 2 of 3 releases");
    assertThat(DirectoryModelStore.reading(root).published()).containsExactly("round-00000003");
    assertThat(run("prune", root.toString(), "--keep", "0")).isEqualTo(2);
    assertThat(err.toString()).contains("--keep must be at least 1 but is 0");
  }

  @Test
  void aStoreThatIsNotThereIsAnError() {
    assertThat(run("list", root.resolve("nowhere").toString())).isEqualTo(1);
    assertThat(err.toString()).contains("must be a directory that holds releases");
  }

  @Test
  void aCommandIsRequired() {
    assertThat(run()).isEqualTo(2);
    assertThat(err.toString()).contains("A command is required: list, show, verify or prune");
  }
}
