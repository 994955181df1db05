package io.murmuration.cli;

import static org.assertj.core.api.Assertions.assertThat;

import io.murmuration.model.AdapterFixture;
import io.murmuration.model.TinyModels;
import io.murmuration.storage.Location;
import io.murmuration.storage.S3Server;
import io.murmuration.storage.StoredFiles;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import picocli.CommandLine;

/** Commands on an S3 server: what they read and what they write. */
class ObjectStorageCommandsITCase {

  private static final String RELEASES = "s3://bucket/chat/releases";
  private static final String COPY = "s3://bucket/copies/chat.ledger";

  @TempDir private static Path directory;
  private static S3Server server;

  @BeforeAll
  static void start() throws Exception {
    server = S3Server.start(directory.resolve("s3"));
    server.createBucket("bucket");
    server.usePlugin(directory.resolve("plugins"), Map.of());
  }

  @AfterAll
  static void stop() throws Exception {
    server.close();
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
    upload(published.releases(), RELEASES);
    String ledger = published.ledger().toString();

    run(new LedgerCommand(), 0, "export", "--file", ledger, "--out", COPY);
    assertThat(run(new LedgerCommand(), 1, "export", "--file", ledger, "--out", COPY))
        .contains(COPY);
    assertThat(run(new ReleasesCommand(), 0, "verify", RELEASES, "--ledger-file", COPY))
        .contains("4 of 4 releases are sound");
    assertThat(run(new LedgerCommand(), 0, "show", "--file", COPY, "--releases", RELEASES))
        .contains("4 durable and published");
    String page = directory.resolve("report.html").toString();
    run(new ReportCommand(), 0, page, "--releases", RELEASES, "--ledger-file", COPY);
    assertThat(Path.of(page)).content().contains("round-00000004");
    run(new ReleasesCommand(), 0, "prune", RELEASES, "--keep", "1");
    assertThat(run(new ReleasesCommand(), 0, "list", RELEASES))
        .contains("round-00000004")
        .doesNotContain("round-00000003");
  }

  @Test
  void modelsAreFetchedMergedAndWritten() throws Exception {
    upload(TinyModels.write(directory.resolve("base"), TinyModels.QWEN2, 2), "s3://bucket/base");
    Path adapter =
        AdapterFixture.adapter(
            directory.resolve("adapter"), "model.layers.0.self_attn.q_proj", 16, 16);
    upload(adapter, "s3://bucket/adapter");
    String[] adapted = {"--model", "s3://bucket/base", "--adapter", "s3://bucket/adapter"};
    String merged = "s3://bucket/merged";

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
