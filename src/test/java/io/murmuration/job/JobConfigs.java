package io.murmuration.job;

import io.murmuration.config.MurmurationConfig;
import io.murmuration.demo.DemoModel;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.Map;

/** Configurations of small jobs on the demo's model. */
final class JobConfigs {

  private final Map<String, String> settings = new HashMap<>();

  /** File ledger and feedback in memory; everything under a directory. */
  static JobConfigs in(Path directory) {
    return new JobConfigs()
        .with("privacy.domain", "chat")
        .with("privacy.epsilon", "8")
        .with("privacy.delta", "1e-6")
        .with("privacy.sampling-probability", "0.1")
        .with("privacy.expected-units", "20")
        .with("privacy.noise-multiplier", "1")
        .with("training.model", baseModel(directory).toString())
        .with("kafka.bootstrap-servers", "localhost:1")
        .with("ledger.kind", "FILE")
        .with("ledger.directory", directory.resolve("ledger").toString())
        .with("feedback.kind", "IN_MEMORY")
        .with("releases.directory", directory.resolve("releases").toString());
  }

  private static Path baseModel(Path directory) {
    try {
      return DemoModel.unpack(directory.resolve("base-model"));
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  JobConfigs with(String key, String value) {
    settings.put(key, value);
    return this;
  }

  JobConfigs without(String key) {
    settings.remove(key);
    return this;
  }

  Map<String, String> settings() {
    return Map.copyOf(settings);
  }

  MurmurationConfig config() {
    return MurmurationConfig.of(settings);
  }
}
