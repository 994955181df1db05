package io.murmuration.model;

import com.fasterxml.jackson.databind.JsonNode;
import io.murmuration.model.DecoderDescription.Linear;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.regex.PatternSyntaxException;

/**
 * Which linear maps an adapter adapts, as PEFT reads {@code target_modules}, {@code
 * exclude_modules}, {@code layers_to_transform} and {@code layers_pattern}.
 *
 * <p>Module names are a list, each a full name or its last components, or one regular expression
 * that a full name must match as a whole. Where Python's expressions and Java's differ, the
 * adapter's own tensors decide: an adapter that has more, or less, than is selected is refused.
 */
final class LoraTargets {

  /** PEFT's own default: a number between any two components; the first such number counts. */
  private static final Pattern ANY_LAYER = Pattern.compile(".*?\\.[^.]*\\.(?<layer>\\d+)\\.");

  private final Modules targets;
  private final Modules excluded;
  private final Set<Integer> layers;
  private final List<Pattern> layerPatterns;

  /** Names, or an expression; neither: none. */
  private record Modules(List<String> names, Optional<Pattern> expression) {

    static Modules of(ModelConfig config, String key) {
      JsonNode value = config.get(key);
      if (value == null || !value.isTextual()) {
        List<String> names = config.texts(key);
        config.require(
            !names.contains(LoraConfig.ALL_LINEAR),
            key,
            LoraConfig.ALL_LINEAR + " alone and not in a list",
            names);
        return new Modules(names, Optional.empty());
      }
      return value.textValue().isEmpty()
          ? new Modules(List.of(), Optional.empty())
          : new Modules(List.of(), Optional.of(pattern(config, key, value.textValue())));
    }

    /** What {@code target_modules} names: PEFT knows one word that is no expression. */
    static Modules ofTargets(ModelConfig config) {
      JsonNode value = config.get("target_modules");
      return value != null && LoraConfig.ALL_LINEAR.equals(value.textValue())
          ? new Modules(List.of(LoraConfig.ALL_LINEAR), Optional.empty())
          : of(config, "target_modules");
    }

    boolean isEmpty() {
      return names.isEmpty() && expression.isEmpty();
    }

    boolean match(String module) {
      return expression.isPresent()
          ? expression.get().matcher(module).matches()
          : names.stream().anyMatch(name -> isNamed(module, name));
    }

    @Override
    public String toString() {
      return expression.map(Pattern::toString).orElse(names.toString());
    }
  }

  private LoraTargets(
      Modules targets, Modules excluded, Set<Integer> layers, List<Pattern> layerPatterns) {
    this.targets = targets;
    this.excluded = excluded;
    this.layers = layers;
    this.layerPatterns = layerPatterns;
  }

  static LoraTargets of(ModelConfig config) {
    Modules targets = Modules.ofTargets(config);
    config.require(
        !targets.isEmpty(), "target_modules", "names of modules or an expression", "none");
    Set<Integer> layers = new HashSet<>(config.tokenIds("layers_to_transform"));
    config.require(
        layers.isEmpty() || targets.expression().isEmpty(),
        "layers_to_transform",
        "nothing where target_modules is an expression",
        layers);
    List<Pattern> patterns = new ArrayList<>();
    JsonNode pattern = config.get("layers_pattern");
    for (String text :
        pattern != null && pattern.isTextual()
            ? List.of(pattern.textValue())
            : config.texts("layers_pattern")) {
      if (!text.isEmpty()) {
        patterns.add(
            pattern(config, "layers_pattern", "(?:^|.*?\\.)" + text + "\\.(?<layer>\\d+)\\."));
      }
    }
    return new LoraTargets(
        targets,
        Modules.of(config, "exclude_modules"),
        layers,
        patterns.isEmpty() ? List.of(ANY_LAYER) : patterns);
  }

  private static Pattern pattern(ModelConfig config, String key, String text) {
    try {
      return Pattern.compile(text);
    } catch (PatternSyntaxException e) {
      throw config.unsupported(
          key, "an expression that Java reads (" + e.getDescription() + ")", text);
    }
  }

  private static boolean isNamed(String module, String name) {
    return name.equals(LoraConfig.ALL_LINEAR) || module.equals(name) || module.endsWith("." + name);
  }

  /**
   * The targets on a model, as {@link LoraConfig} spells them: as they were given where that is
   * plain names, otherwise by the full names of all modules.
   */
  List<String> on(DecoderDescription model) {
    if (targets.expression().isEmpty() && excluded.isEmpty() && layers.isEmpty()) {
      return targets.names();
    }
    List<String> modules =
        model.linears().stream().map(Linear::module).filter(this::selects).toList();
    if (modules.isEmpty()) {
      throw new ModelFormatException(
          "adapter_config.json: target_modules: expected a linear map of the model among those that %s names, found none"
              .formatted(this));
    }
    return modules;
  }

  private boolean selects(String module) {
    if (excluded.match(module) || !targets.match(module)) {
      return false;
    }
    // a module that is listed by its full name is adapted whatever layers are listed
    return layers.isEmpty()
        || targets.names().contains(module)
        || layer(module).stream().anyMatch(layers::contains);
  }

  private OptionalInt layer(String module) {
    for (Pattern pattern : layerPatterns) {
      Matcher matcher = pattern.matcher(module);
      if (matcher.lookingAt()) {
        return OptionalInt.of(Integer.parseInt(matcher.group("layer")));
      }
    }
    return OptionalInt.empty();
  }

  @Override
  public String toString() {
    return targets
        + (excluded.isEmpty() ? "" : " without " + excluded)
        + (layers.isEmpty() ? "" : " in layers " + layers);
  }
}
