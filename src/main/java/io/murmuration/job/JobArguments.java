package io.murmuration.job;

import io.murmuration.config.ConfigFile;
import io.murmuration.config.HorizonOptions;
import io.murmuration.config.PrivacyOptions;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import org.apache.flink.util.MultipleParameterTool;

/** The arguments that {@code flink run} hands to the job. */
final class JobArguments {

  private static final String CONFIG = "config";
  private static final String SET = "set";
  private static final String RAISE_BUDGET = "--raise-budget";
  private static final String NEW_GENERATION = "new-generation";
  private static final Set<String> KNOWN = Set.of(CONFIG, SET, NEW_GENERATION);

  private JobArguments() {}

  /**
   * The settings that the arguments amount to: those of {@code --config FILE}, over them those of
   * {@code --set key=value}, {@code --raise-budget} and {@code --new-generation N}.
   *
   * @throws IllegalArgumentException if an argument is unknown or incomplete
   */
  static Map<String, String> settings(String[] arguments) {
    // a flag without a value, which the tool would take what follows for
    List<String> valued = new ArrayList<>(List.of(arguments));
    boolean raisesBudget = valued.removeIf(argument -> argument.equals(RAISE_BUDGET));
    MultipleParameterTool parameters =
        MultipleParameterTool.fromArgs(valued.toArray(String[]::new));
    Set<String> unknown = new TreeSet<>(parameters.toMultiMap().keySet());
    unknown.removeAll(KNOWN);
    if (!unknown.isEmpty()) {
      throw new IllegalArgumentException(
          "the job takes --config FILE, --set key=value, --raise-budget and --new-generation N, but"
              + " was given --"
              + String.join(", --", unknown));
    }
    Map<String, String> settings = new HashMap<>();
    if (parameters.has(CONFIG)) {
      settings.putAll(ConfigFile.read(Path.of(parameters.get(CONFIG))));
    }
    if (parameters.has(SET)) {
      settings.putAll(assignments(parameters.getMultiParameterRequired(SET)));
    }
    if (raisesBudget) {
      settings.put(PrivacyOptions.RAISE_BUDGET.key(), "true");
    }
    if (parameters.has(NEW_GENERATION)) {
      settings.put(HorizonOptions.NEW_GENERATION.key(), parameters.get(NEW_GENERATION));
    }
    return settings;
  }

  private static Map<String, String> assignments(Iterable<String> given) {
    Map<String, String> settings = new HashMap<>();
    for (String setting : given) {
      int equals = setting.indexOf('=');
      if (equals < 1) {
        throw new IllegalArgumentException(
            "--set must be followed by key=value but is followed by " + setting);
      }
      settings.put(setting.substring(0, equals), setting.substring(equals + 1));
    }
    return settings;
  }
}
