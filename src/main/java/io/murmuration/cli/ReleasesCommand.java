package io.murmuration.cli;

import com.fasterxml.jackson.databind.json.JsonMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.murmuration.privacy.ledger.LedgerException;
import io.murmuration.release.Guarantee;
import io.murmuration.release.Manifest;
import io.murmuration.release.ModelStore;
import io.murmuration.release.ModelStores;
import io.murmuration.release.PrivacyStatement;
import io.murmuration.release.ReleaseAudit;
import io.murmuration.release.ReleaseCatalog;
import io.murmuration.release.ReleaseFiles;
import io.murmuration.storage.Location;
import java.io.IOException;
import java.io.PrintWriter;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.concurrent.Callable;
import picocli.CommandLine.ArgGroup;
import picocli.CommandLine.Command;
import picocli.CommandLine.ExitCode;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** {@code murmuration releases}: what a model store holds, and whether it is sound. */
@Command(
    name = "releases",
    description = "Lists, shows, verifies and prunes published releases, and cleans staging.",
    mixinStandardHelpOptions = true,
    subcommands = {
      ReleasesCommand.ListCommand.class,
      ReleasesCommand.ShowCommand.class,
      ReleasesCommand.VerifyCommand.class,
      ReleasesCommand.PruneCommand.class,
      ReleasesCommand.CleanCommand.class
    })
final class ReleasesCommand implements Runnable {

  private static final JsonMapper JSON = new JsonMapper();

  /** Digits of a digest that tell releases apart. */
  private static final int DIGEST_SHOWN = 12;

  @Spec private CommandSpec spec;

  @Override
  public void run() {
    throw new ParameterException(
        spec.commandLine(), "A command is required: list, show, verify, prune or clean");
  }

  /** What the commands share. */
  private abstract static class StoreCommand implements Callable<Integer> {

    @Spec private CommandSpec spec;

    @Parameters(
        index = "0",
        paramLabel = "STORE",
        converter = LocationConverter.class,
        description = "Path or URI of the model store.")
    private Location directory;

    @Mixin private JsonOption json;

    final ModelStore store() throws IOException {
      return ModelStores.reading(directory);
    }

    final PrintWriter out() {
      return spec.commandLine().getOut();
    }

    final boolean json() {
      return json.isGiven();
    }

    final void print(Object value) {
      json.print(value);
    }
  }

  /** {@code releases list}. */
  @Command(
      name = "list",
      description = "One line a release, of models and calibrations: round, privacy spent, digest.",
      mixinStandardHelpOptions = true)
  static final class ListCommand extends StoreCommand {

    @Override
    public Integer call() throws IOException {
      ReleaseCatalog catalog = new ReleaseCatalog(store());
      List<String> names = catalog.allNames();
      if (json()) {
        ArrayNode releases = JSON.createArrayNode();
        for (String name : names) {
          ObjectNode release = releases.addObject();
          release.put("release", name);
          release.put("kind", ReleaseFiles.isCalibration(name) ? "calibration" : "model");
          release.set("manifest", JSON.valueToTree(catalog.anyManifest(name)));
        }
        print(releases);
        return ExitCode.OK;
      }
      if (names.isEmpty()) {
        out().println("no releases");
        return ExitCode.OK;
      }
      Table table = new Table("release", "domain", ">phase", ">epsilon", ">delta", "SHA-256");
      for (String name : names) {
        Manifest manifest = catalog.anyManifest(name);
        table.row(
            name,
            manifest.domain(),
            manifest.phase(),
            Guarantee.epsilonRoundedUp(manifest.epsilonSpent()),
            String.format("%.2g", manifest.delta()),
            manifest.contentDigest().substring(0, DIGEST_SHOWN));
      }
      table.print(out());
      return ExitCode.OK;
    }
  }

  /** {@code releases show}. */
  @Command(
      name = "show",
      description = "A release's privacy statement, or with --json its manifest.",
      mixinStandardHelpOptions = true)
  static final class ShowCommand extends StoreCommand {

    @Parameters(
        index = "1",
        arity = "0..1",
        paramLabel = "RELEASE",
        description = "Its name or round; the newest model by default.")
    private String release;

    @Override
    public Integer call() throws IOException {
      ModelStore store = store();
      String name = name(store);
      if (json()) {
        print(new ReleaseCatalog(store).anyManifest(name));
      } else {
        byte[] statement =
            store
                .read(name, PrivacyStatement.FILE)
                .orElseThrow(
                    () ->
                        new IOException(
                            "release %s has no %s".formatted(name, PrivacyStatement.FILE)));
        out().print(new String(statement, StandardCharsets.UTF_8));
        out().flush();
      }
      return ExitCode.OK;
    }

    private String name(ModelStore store) throws IOException {
      if (release == null) {
        List<String> names = store.published();
        if (names.isEmpty()) {
          throw new IOException("the store holds no release of a model yet");
        }
        return names.get(names.size() - 1);
      }
      if (!release.chars().allMatch(Character::isDigit)) {
        return release;
      }
      String calibration = ReleaseFiles.calibrationNameOf(Long.parseLong(release));
      return store.calibrations().contains(calibration)
          ? calibration
          : ReleaseFiles.nameOf(Long.parseLong(release));
    }
  }

  /** {@code releases verify}. */
  @Command(
      name = "verify",
      description = {
        "Checks every release: files, digests, names, statements, that no charge is released twice"
            + " and that epsilon never falls.",
        "With a ledger also that it holds the charge which a release names, and that no release"
            + " states less than the accountant computes anew from the ledger.",
        "Exit code 1 if anything is wrong."
      },
      mixinStandardHelpOptions = true)
  static final class VerifyCommand extends StoreCommand {

    @ArgGroup(heading = "%nThe ledger to check against:%n")
    private LedgerSource source;

    @Override
    public Integer call() throws IOException, LedgerException, InterruptedException {
      ReleaseAudit audit = new ReleaseAudit(store());
      List<ReleaseAudit.Checked> checked =
          source == null ? audit.verify() : audit.verifyAgainst(source.charges());
      long sound = checked.stream().filter(release -> release.problems().isEmpty()).count();
      if (json()) {
        ObjectNode root = JSON.createObjectNode();
        root.put("releases", checked.size());
        root.put("sound", sound);
        root.put("against_ledger", source != null);
        ObjectNode problems = root.putObject("problems");
        for (ReleaseAudit.Checked release : checked) {
          if (!release.problems().isEmpty()) {
            release.problems().forEach(problems.putArray(release.name())::add);
          }
        }
        print(root);
      } else {
        for (ReleaseAudit.Checked release : checked) {
          out()
              .println(
                  release.problems().isEmpty()
                      ? release.name() + "  ok"
                      : release.name() + "  " + String.join("; ", release.problems()));
        }
        out()
            .printf(
                "%d of %d releases are sound%s%n",
                sound,
                checked.size(),
                source == null ? "; give the ledger to have their epsilon recomputed" : "");
      }
      return sound == checked.size() ? ExitCode.OK : ExitCode.SOFTWARE;
    }
  }

  /** {@code releases prune}. */
  @Command(
      name = "prune",
      description = {
        "Removes all releases of models but the newest; calibrations stay.",
        "Their rounds stay charged: what was published may have been seen."
      },
      mixinStandardHelpOptions = true)
  static final class PruneCommand extends StoreCommand {

    @Option(
        names = "--keep",
        required = true,
        paramLabel = "N",
        description = "How many to keep, at least 1.")
    private int keep;

    @Spec private CommandSpec spec;

    @Override
    public Integer call() throws IOException {
      if (keep < 1) {
        throw new ParameterException(
            spec.commandLine(),
            "--keep must be at least 1 but is %d; the newest release tells a restarted job how far the ledger must reach"
                .formatted(keep));
      }
      ModelStore store = store();
      List<String> names = store.published();
      List<String> old = names.subList(0, Math.max(0, names.size() - keep));
      for (String name : old) {
        store.remove(name);
      }
      if (json()) {
        ArrayNode removed = JSON.createArrayNode();
        old.forEach(removed::add);
        print(removed);
      } else {
        out().printf("removed %d of %d releases%n", old.size(), names.size());
      }
      return ExitCode.OK;
    }
  }

  /** {@code releases clean}. */
  @Command(
      name = "clean",
      description = {
        "Removes releases that were staged and never published: those of rounds that a failure"
            + " rolled back.",
        "A checkpoint or savepoint of that time may still hold their commit, so give an age beyond"
            + " all that you would restore."
      },
      mixinStandardHelpOptions = true)
  static final class CleanCommand extends StoreCommand {

    @Option(
        names = "--older-than",
        required = true,
        converter = DurationConverter.class,
        paramLabel = "DURATION",
        description = "How long ago they were staged, at least; such as 30d.")
    private Duration age;

    @Override
    public Integer call() throws IOException {
      List<String> removed = store().removeStaged(Instant.now().minus(age));
      if (json()) {
        ArrayNode names = JSON.createArrayNode();
        removed.forEach(names::add);
        print(names);
      } else {
        out().printf("removed %d staged releases%n", removed.size());
      }
      return ExitCode.OK;
    }
  }
}
