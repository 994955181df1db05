package io.murmuration.cli;

import io.murmuration.model.AdaptedModel;
import io.murmuration.storage.Location;
import io.murmuration.storage.StoredFiles;
import java.io.IOException;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Comparator;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.stream.Stream;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/** {@code murmuration merge}: one plain model directory from base and adapter. */
@Command(
    name = "merge",
    mixinStandardHelpOptions = true,
    description = "Write a base model with an adapter merged in as a plain model directory.")
final class MergeCommand implements Callable<Integer> {

  @Spec private CommandSpec spec;
  @Mixin private ModelOptions model;

  @Option(
      names = "--out",
      required = true,
      paramLabel = "DIR",
      converter = LocationConverter.class,
      description = "Directory to write, a path or a URI; must not hold weights yet.")
  private Location out;

  @Override
  public Integer call() throws IOException {
    try (AdaptedModel subject = model.loadAdapted()) {
      subject.requireSound();
      if (out.isLocal()) {
        subject.writeMerged(out.path());
      } else {
        writeElsewhere(subject);
      }
    }
    spec.commandLine().getOut().println("wrote " + out);
    return 0;
  }

  private void writeElsewhere(AdaptedModel subject) throws IOException {
    StoredFiles target = StoredFiles.at(out);
    if (target.list("").stream().anyMatch(file -> file.name().endsWith(".safetensors"))) {
      throw new FileAlreadyExistsException(out + " holds weights already; give another directory");
    }
    Path merged = Files.createTempDirectory("merged-");
    try {
      subject.writeMerged(merged);
      List<Path> files;
      try (Stream<Path> paths = Files.list(merged)) {
        files = paths.sorted().toList();
      }
      for (Path file : files) {
        target.write(file.getFileName().toString(), stream -> Files.copy(file, stream));
        Files.delete(file);
      }
    } finally {
      try (Stream<Path> left = Files.walk(merged)) {
        for (Path path : left.sorted(Comparator.reverseOrder()).toList()) {
          Files.delete(path);
        }
      }
    }
  }
}
