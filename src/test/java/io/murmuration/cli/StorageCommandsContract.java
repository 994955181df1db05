package io.murmuration.cli;

import static org.assertj.core.api.Assertions.assertThat;

import io.murmuration.model.AdapterFixture;
import io.murmuration.model.TinyModels;
import io.murmuration.storage.Location;
import io.murmuration.storage.StoredFiles;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import picocli.CommandLine;

/** Commands where files lie elsewhere: what they read and what they write. */
abstract class StorageCommandsContract {

  private static final AtomicInteger PLACES = new AtomicInteger();

  private final String place = "place-" + PLACES.incrementAndGet();
  @TempDir private Path directory;

  /** Where places may be made. */
  abstract Location root();

  private String at(String name) {
    return root().resolve(place).resolve(name).text();
  }

  /** Copies a directory, as a command for object storage does. */
  private static void upload(Path from, String to) throws Exception {
    List<Path> files;
    try (Stream<Path> paths = Files.walk(from)) {
      files = paths.filter(path -> Files.isRegularFile(path, LinkOption.NOFOLLOW_LINKS)).toList();
    }
    StoredFiles target = StoredFiles.at(Location.of(to));
    for (Path file : files) {
      target.write(from.relativize(file).toString(), Files.readAllBytes(file));
    }
  }

  private static String run(Object command, int expectedExit, String... arguments) {
    StringWriter out = new StringWriter();
    StringWriter err = new StringWriter();
    int exit =
        new CommandLine(command)
            .setOut(new PrintWriter(out, true))
            .setErr(new PrintWriter(err, true))
            .execute(arguments);
    assertThat(exit).as("%s%s", out, err).isEqualTo(expectedExit);
    return exit == 0 ? out.toString() : err.toString();
  }

  @Test
  void ledgersAndReleasesAreExportedVerifiedReportedAndPruned() throws Exception {
    PublishedRun published =
        PublishedRun.in(directory.resolve("run"))
            .rounds(PublishedRun.MECHANISM, /* epsilonBudget= */ 8, 4, /* halt= */ null);
    String releases = at("chat/releases");
    upload(published.releases(), releases);
    String ledger = published.ledger().toString();
    String copy = at("copies/chat.ledger");

    run(new LedgerCommand(), 0, "export", "--file", ledger, "--out", copy);
    assertThat(run(new LedgerCommand(), 1, "export", "--file", ledger, "--out", copy))
        .contains(copy);
    assertThat(run(new ReleasesCommand(), 0, "verify", releases, "--ledger-file", copy))
        .contains("4 of 4 releases are sound");
    assertThat(run(new LedgerCommand(), 0, "show", "--file", copy, "--releases", releases))
        .contains("4 durable and published");
    String page = directory.resolve("report.html").toString();
    run(new ReportCommand(), 0, page, "--releases", releases, "--ledger-file", copy);
    assertThat(Path.of(page)).content().contains("round-00000004");
    run(new ReleasesCommand(), 0, "prune", releases, "--keep", "1");
    assertThat(run(new ReleasesCommand(), 0, "list", releases))
        .contains("round-00000004")
        .doesNotContain("round-00000003");
  }

  @Test
  void modelsAreFetchedMergedAndWritten() throws Exception {
    upload(TinyModels.write(directory.resolve("base"), TinyModels.QWEN2, 2), at("base"));
    Path adapter =
        AdapterFixture.adapter(
            directory.resolve("adapter"), "model.layers.0.self_attn.q_proj", 16, 16);
    upload(adapter, at("adapter"));
    String[] adapted = {"--model", at("base"), "--adapter", at("adapter")};
    String merged = at("merged");

    run(new MergeCommand(), 0, adapted[0], adapted[1], adapted[2], adapted[3], "--out", merged);

    String[] prompt = {"--prompt", "ab", "--max-tokens", "3"};
    assertThat(run(new GenerateCommand(), 0, concat(new String[] {"--model", merged}, prompt)))
        .isEqualTo(run(new GenerateCommand(), 0, concat(adapted, prompt)));
    assertThat(run(new MergeCommand(), 1, concat(adapted, new String[] {"--out", merged})))
        .contains("holds weights already");
  }

  private static String[] concat(String[] first, String[] second) {
    return Stream.concat(Stream.of(first), Stream.of(second)).toArray(String[]::new);
  }

  @Test
  void whatIsNoUriIsWrongUsage() {
    assertThat(run(new ReleasesCommand(), 2, "list", "s3://bucket/a b")).contains("a b");
  }
}
