package io.murmuration.cli;

import io.murmuration.config.ConfigFile;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.TreeMap;
import picocli.CommandLine.Option;

/** A job's configuration: a file, and options that win over it. */
final class JobOptions {

  @Option(names = "--config", paramLabel = "FILE", description = "YAML file of options.")
  private Path config;

  @Option(
      names = "--set",
      paramLabel = "KEY=VALUE",
      description = "An option; wins over the file; repeatable.")
  private Map<String, String> settings = new LinkedHashMap<>();

  /** All of them by their keys; the caller's to change. */
  Map<String, String> settings() {
    Map<String, String> all = new TreeMap<>();
    if (config != null) {
      all.putAll(ConfigFile.read(config));
    }
    all.putAll(settings);
    return all;
  }
}
