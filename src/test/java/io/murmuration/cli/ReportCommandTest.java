package io.murmuration.cli;

import static org.assertj.core.api.Assertions.assertThat;

import io.murmuration.model.AdapterFixture;
import io.murmuration.model.TinyModels;
import io.murmuration.privacy.ledger.HaltReason;
import io.murmuration.report.HeldOutLosses;
import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class ReportCommandTest {

  @TempDir private Path root;
  private final StringWriter out = new StringWriter();
  private final StringWriter err = new StringWriter();

  private int run(String... arguments) {
    String[] all = new String[arguments.length + 1];
    all[0] = "report";
    System.arraycopy(arguments, 0, all, 1, arguments.length);
    return Murmuration.commandLine()
        .setOut(new PrintWriter(out, true))
        .setErr(new PrintWriter(err, true))
        .execute(all);
  }

  private String page() throws IOException {
    return Files.readString(root.resolve("report.html"));
  }

  private void losses(boolean publicText) throws IOException {
    new HeldOutLosses(
            "held-out messages",
            publicText,
            List.of(new HeldOutLosses.Point(0, 5.2571), new HeldOutLosses.Point(5, 3.1416)))
        .write(root.resolve(HeldOutLosses.FILE));
  }

  @Test
  void tellsWhatWasSpentAndReleased() throws Exception {
    PublishedRun published =
        PublishedRun.in(root).rounds(PublishedRun.MECHANISM, 8, 5, /* halt= */ null, 2L);
    losses(/* publicText= */ true);

    assertThat(run(root.toString())).isZero();

    assertThat(out.toString()).contains("Wrote ").contains("report.html");
    String digest = published.newestDigest();
    assertThat(page())
        .startsWith("<!DOCTYPE html>")
        .contains("Privacy of chat", "of 8 at δ = 1.0E-6", "all verified against the ledger")
        .contains("up to and including round 5 together are (")
        .contains("round-00000005", digest)
        .contains("round 5: 3.142 nats per token", "base model: 5.257 nats per token")
        .contains("5 of at most ", "minutes at this pace", "predicted")
        .doesNotContain(">halted<")
        .doesNotContain("round-00000002");
  }

  @Test
  void tellsWhatWasCalibratedAndWhatFollowed() throws Exception {
    PublishedRun.in(root).calibrated(2);

    assertThat(run(root.toString())).isZero();

    assertThat(page())
        .contains("<td>1</td><td>calibration: norms of updates</td>", "<td>2</td><td>training</td>")
        .contains("Calibrations", "calibration-00000001", "norms: bound ", "round-00000003")
        .contains("up to and including round 3 together are (")
        .contains("all verified against the ledger")
        .doesNotContain("NOT sound");
  }

  @Test
  void needsNothingBesideThePage() throws Exception {
    PublishedRun.in(root).rounds(PublishedRun.MECHANISM, 8, 2, null);

    run(root.toString());

    assertThat(page())
        .contains("default-src 'none'")
        .doesNotContain("http:", "https:", "<script", "src=", "<link", "@import", "url(");
  }

  @Test
  void saysWhyTrainingHaltedAndCountsPhases() throws Exception {
    PublishedRun.in(root)
        .rounds(PublishedRun.MECHANISM, 4, 3, HaltReason.BUDGET_SPENT)
        .rounds(PublishedRun.mechanism(/* noiseMultiplier= */ 2), 8, 4, HaltReason.ROUNDS_DONE);

    assertThat(run(root.toString())).isZero();

    assertThat(page())
        .contains(">halted<", HaltReason.ROUNDS_DONE.text(), "training has halted")
        .contains("<td>1</td><td>training</td>", "3 of at most ", "<td>2</td>", "4 of at most ")
        .contains("all verified against the ledger")
        .doesNotContain("at this pace");
  }

  @Test
  void whatLedgerAndReleasesSayBecomesNoMarkup() throws Exception {
    PublishedRun.in(root, "<b>chat</b>", "\"><script>alert(1)</script>&amp;\u0000")
        .rounds(PublishedRun.MECHANISM, 8, 1, null);
    Path ledger;
    try (var files = Files.walk(root)) {
      ledger = files.filter(file -> file.toString().endsWith(".ledger")).findFirst().orElseThrow();
    }

    assertThat(
            run(
                root.resolve("page.html").toString(),
                "--releases",
                root.resolve("releases").toString(),
                "--ledger-file",
                ledger.toString()))
        .isZero();

    assertThat(Files.readString(root.resolve("page.html")))
        .contains("&lt;b&gt;chat&lt;/b&gt;")
        .contains("&lt;script&gt;alert(1)&lt;/script&gt;&amp;amp;\ufffd")
        .doesNotContain("<script", "<b>", "\u0000");
  }

  @Test
  void lossesOnPrivateTextStayInside() throws Exception {
    PublishedRun.in(root).rounds(PublishedRun.MECHANISM, 8, 5, null);
    losses(/* publicText= */ false);

    assertThat(run(root.toString())).isZero();

    assertThat(out.toString()).contains("without the held-out losses, whose text is not public");
    assertThat(page())
        .contains("Losses were measured, but on text that is not public")
        .contains("Every number on this page is public")
        .doesNotContain("3.142", "5.257");

    assertThat(run(root.toString(), "--include-private")).isZero();

    assertThat(out.toString()).contains("keep it inside the trust boundary");
    assertThat(page())
        .contains("3.142", "For eyes inside the trust boundary")
        .doesNotContain("Every number on this page is public");
  }

  @Test
  void showsAReleaseThatIsNotSound() throws Exception {
    PublishedRun published = PublishedRun.in(root).rounds(PublishedRun.MECHANISM, 8, 3, null);
    Files.write(
        published.releases().resolve("round-00000002/adapter_model.safetensors"), new byte[] {1});
    Files.writeString(published.releases().resolve("round-00000003/manifest.json"), "{}");

    assertThat(run(root.toString())).isZero();

    assertThat(page())
        .contains("2 are NOT sound")
        .contains("NO: SHA-256 of adapter_model.safetensors is")
        .contains("NO: the manifest of release round-00000003 is damaged");
  }

  @Test
  void measuresReleasesOnAFileOfMessages() throws Exception {
    Path model = TinyModels.write(root.resolve("base"), TinyModels.QWEN2, 2);
    Path adapter =
        AdapterFixture.adapter(root.resolve("adapter"), "model.layers.0.self_attn.q_proj", 16, 16);
    PublishedRun.in(root).adapting(adapter).rounds(PublishedRun.MECHANISM, 8, 2, null);
    Path events = root.resolve("held-out.jsonl");
    Files.writeString(
        events, "{\"text\": \"the cat sat on the mat\"}\n{\"text\": \"has anyone seen it\"}\n");

    assertThat(
            run(
                root.toString(),
                "--events",
                events.toString(),
                "--model",
                model.toString(),
                "--public-text",
                "--every",
                "1"))
        .isZero();

    assertThat(page())
        .contains(
            "base model: ", "round 1: ", "round 2: ", "2 messages of held-out.jsonl (public)");
  }

  @Test
  void saysWhatIsMissing() throws Exception {
    assertThat(run(root.toString())).isEqualTo(1);
    assertThat(err.toString()).contains("the model store must be a directory that holds releases");
    Files.createDirectory(root.resolve("releases"));
    assertThat(run(root.toString())).isEqualTo(1);
    assertThat(err.toString()).contains("exactly one file that ends in .ledger is expected");
    assertThat(run(root.resolve("x.html").toString())).isEqualTo(2);
    assertThat(err.toString()).contains("--releases is required");
    Files.writeString(root.resolve("losses.json"), "{\"text\": 1}");
    PublishedRun.in(root).rounds(PublishedRun.MECHANISM, 8, 1, null);
    assertThat(run(root.toString(), "--losses", root.resolve("losses.json").toString()))
        .isEqualTo(1);
    assertThat(err.toString()).contains("losses.json must be a JSON object with text");
  }
}
