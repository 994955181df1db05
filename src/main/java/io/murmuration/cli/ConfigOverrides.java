package io.murmuration.cli;

import java.util.LinkedHashMap;
import java.util.Map;
import picocli.CommandLine.Option;

/** Options of a job that win over its configuration file. */
class ConfigOverrides {

  @Option(
      names = "--set",
      paramLabel = "KEY=VALUE",
      description = "An option; wins over the file; repeatable.")
  private Map<String, String> settings = new LinkedHashMap<>();

  /** The values by their keys. */
  final Map<String, String> overrides() {
    return settings;
  }
}
