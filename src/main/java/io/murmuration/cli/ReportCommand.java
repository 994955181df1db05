package io.murmuration.cli;

import io.murmuration.model.LanguageModel;
import io.murmuration.model.LoraAdapter;
import io.murmuration.model.LoraConfig;
import io.murmuration.model.LoraParameters;
import io.murmuration.model.TextEvaluator;
import io.murmuration.privacy.ledger.ChargeHistory;
import io.murmuration.privacy.ledger.Ledger;
import io.murmuration.privacy.ledger.LedgerException;
import io.murmuration.release.ModelStore;
import io.murmuration.release.ModelStores;
import io.murmuration.release.PeftAdapter;
import io.murmuration.release.ReleaseAudit;
import io.murmuration.release.ReleaseFiles;
import io.murmuration.report.HeldOutLosses;
import io.murmuration.report.ReportPage;
import io.murmuration.report.RunReport;
import io.murmuration.report.RunReport.Audience;
import io.murmuration.storage.Location;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.Callable;
import java.util.stream.Stream;
import picocli.CommandLine.ArgGroup;
import picocli.CommandLine.Command;
import picocli.CommandLine.ExitCode;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** {@code murmuration report}: what was spent, released and learned, as one HTML page. */
@Command(
    name = "report",
    description = {
      "Writes one HTML page about a domain: privacy spent and left, held-out loss, the guarantee in"
          + " words, releases with their digests.",
      "It needs no network, and every number on it is public unless --include-private is given."
    },
    mixinStandardHelpOptions = true,
    sortOptions = false)
final class ReportCommand implements Callable<Integer> {

  private static final String PAGE = "report.html";
  private static final String LEDGER_SUFFIX = ".ledger";

  @Spec private CommandSpec spec;

  @Parameters(
      index = "0",
      paramLabel = "OUT",
      description =
          "The output directory of a demo, into which report.html is written; or the .html file to"
              + " write, with --releases and a ledger.")
  private Path out;

  @Option(
      names = "--releases",
      paramLabel = "STORE",
      converter = LocationConverter.class,
      description = "Path or URI of the model store; OUT/releases where not given.")
  private Location releases;

  @ArgGroup(heading = "%nThe ledger; the one in OUT/ledger where not given:%n")
  private LedgerSource source;

  @Option(
      names = "--losses",
      paramLabel = "FILE",
      description = "Held-out losses; OUT/held-out-loss.json where not given, if it is there.")
  private Path losses;

  @Option(
      names = "--include-private",
      description =
          "Show losses on text that is not public too, and mark the page: it must then stay inside"
              + " the trust boundary.")
  private boolean includePrivate;

  @ArgGroup(exclusive = false, heading = "%nTo measure releases on held-out text:%n")
  private Measurement measurement;

  /** What to measure on what. */
  static final class Measurement {
    @Option(
        names = "--events",
        required = true,
        paramLabel = "FILE",
        description = "JSONL or JSONL.gz whose lines have a \"text\".")
    private Path events;

    @Option(
        names = "--model",
        required = true,
        paramLabel = "DIR",
        converter = LocationConverter.class,
        description = "Base model of the releases, a path or a URI.")
    private Location model;

    @Option(
        names = "--public-text",
        description = "The text is public, so that its losses may be shown to anybody.")
    private boolean publicText;

    @Option(
        names = "--every",
        paramLabel = "N",
        defaultValue = "10",
        description = "Measure each N-th round and the last one; 10 where not given.")
    private int every;

    @Option(
        names = "--max-messages",
        paramLabel = "N",
        defaultValue = "1000",
        description = "Only the first N messages; 1000 where not given.")
    private long maxMessages;

    @Option(
        names = "--context",
        paramLabel = "N",
        defaultValue = "64",
        description = "Tokens a message, beginning of text included; 64 where not given.")
    private int context;
  }

  @Override
  public Integer call() throws IOException, LedgerException, InterruptedException {
    boolean page = out.toString().endsWith(".html");
    if (page && releases == null) {
      throw new ParameterException(
          spec.commandLine(), "--releases is required where OUT is the file to write");
    }
    if (page && source == null) {
      throw new ParameterException(
          spec.commandLine(),
          "a ledger is required where OUT is the file to write: give --ledger-file, or"
              + " --bootstrap-servers and --ledger-topic");
    }
    Location root = releases != null ? releases : Location.of(out.resolve("releases"));
    ModelStore store = ModelStores.reading(root);
    ChargeHistory ledger = source != null ? source.charges() : ledgerIn(out.resolve("ledger"));
    Optional<HeldOutLosses> measured = losses(store, root, page);
    RunReport report =
        RunReport.of(
            ledger,
            new ReleaseAudit(store),
            measured,
            includePrivate ? Audience.INSIDE : Audience.PUBLIC,
            Instant.now());
    Path target = page ? out : out.resolve(PAGE);
    Files.writeString(target, ReportPage.of(report));
    spec.commandLine()
        .getOut()
        .printf(
            "Wrote %s%s%n",
            target.toAbsolutePath(),
            report.isPrivate()
                ? ". It shows private losses: keep it inside the trust boundary"
                : report.lossesWithheld()
                    ? ", without the held-out losses, whose text is not public"
                    : "");
    return ExitCode.OK;
  }

  private static ChargeHistory ledgerIn(Path directory)
      throws IOException, LedgerException, InterruptedException {
    List<Path> found = List.of();
    if (Files.isDirectory(directory)) {
      try (Stream<Path> files = Files.list(directory)) {
        found = files.filter(file -> file.toString().endsWith(LEDGER_SUFFIX)).sorted().toList();
      }
    }
    if (found.size() != 1) {
      throw new IOException(
          "exactly one file that ends in %s is expected in %s but there are %d; say which ledger by --ledger-file, or --bootstrap-servers and --ledger-topic"
              .formatted(LEDGER_SUFFIX, directory, found.size()));
    }
    try (Ledger ledger = LedgerSource.file(found.get(0))) {
      return LedgerSource.charges(ledger);
    }
  }

  private Optional<HeldOutLosses> losses(ModelStore store, Location root, boolean page)
      throws IOException {
    if (measurement != null) {
      return Optional.of(measure(store, root));
    }
    if (losses != null) {
      return Optional.of(HeldOutLosses.read(losses));
    }
    Path beside = out.resolve(HeldOutLosses.FILE);
    return page || !Files.exists(beside)
        ? Optional.empty()
        : Optional.of(HeldOutLosses.read(beside));
  }

  private HeldOutLosses measure(ModelStore store, Location root) throws IOException {
    if (measurement.every < 1 || measurement.maxMessages < 1 || measurement.context < 2) {
      throw new ParameterException(
          spec.commandLine(),
          "--every and --max-messages must be at least 1, --context at least 2");
    }
    List<String> texts = TextFile.read(measurement.events, measurement.maxMessages);
    List<HeldOutLosses.Point> points = new ArrayList<>();
    try (LanguageModel model = LanguageModel.load(ModelStores.directory(measurement.model))) {
      TextEvaluator evaluator = new TextEvaluator(model, texts, measurement.context);
      points.add(new HeldOutLosses.Point(0, evaluator.evaluate().nllPerToken()));
      List<String> names = store.published();
      for (String name : names) {
        long round = ReleaseFiles.roundOf(name);
        boolean last = name.equals(names.get(names.size() - 1));
        if (round % measurement.every == 0 || last) {
          points.add(
              new HeldOutLosses.Point(
                  round, loss(ModelStores.directory(root.resolve(name)), model, evaluator, texts)));
        }
      }
    }
    return new HeldOutLosses(
        "%,d messages of %s".formatted(texts.size(), measurement.events.getFileName()),
        measurement.publicText,
        points);
  }

  /** The loss of a release, which is an adapter to the base model or a model of its own. */
  private double loss(Path release, LanguageModel base, TextEvaluator evaluator, List<String> texts)
      throws IOException {
    if (Files.exists(release.resolve(PeftAdapter.CONFIG_FILE))) {
      try (LoraParameters adapter =
          LoraParameters.from(base, LoraAdapter.read(release), LoraConfig.Mode.BOTH)) {
        return evaluator.evaluate(adapter, adapter.initialValues()).nllPerToken();
      }
    }
    try (LanguageModel model = LanguageModel.load(release)) {
      return new TextEvaluator(model, texts, measurement.context).evaluate().nllPerToken();
    }
  }
}
