package io.murmuration.cli;

import io.murmuration.config.ConfigFile;
import io.murmuration.config.IoOptions;
import io.murmuration.config.TrainingOptions;
import io.murmuration.storage.FileSystems;
import io.murmuration.storage.Location;
import java.nio.file.Path;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.Stream;
import picocli.CommandLine.Option;

/** A job's configuration: a file, and options that win over it. */
final class JobOptions extends ConfigOverrides {

  @Option(names = "--config", paramLabel = "FILE", description = "YAML file of options.")
  private Path config;

  /** All of them by their keys; the caller's to change. */
  Map<String, String> settings() {
    Map<String, String> all = new TreeMap<>();
    if (config != null) {
      all.putAll(ConfigFile.read(config));
    }
    all.putAll(overrides());
    if (Stream.of(TrainingOptions.MODEL, TrainingOptions.START_FROM, IoOptions.RELEASES_DIRECTORY)
        .map(option -> all.get(option.key()))
        .anyMatch(place -> place != null && !Location.of(place).isLocal())) {
      FileSystems.load();
    }
    return all;
  }
}
