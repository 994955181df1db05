package io.murmuration.model;

import io.murmuration.model.RotaryEmbedding.Scaling;
import java.util.Collections;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.TreeSet;

/**
 * How the rotary embedding of a configuration is read. Older ones have {@code rope_theta} beside
 * {@code rope_scaling}; newer ones both in {@code rope_parameters}. Where a file has more than one,
 * they must agree.
 */
final class RotarySettings {

  private static final String NEWER = "rope_parameters";
  private static final String OLDER = "rope_scaling";
  private static final String THETA = "rope_theta";
  private static final String ORIGINAL_CONTEXT = "original_max_position_embeddings";

  /** The understood keys of each kind. */
  private static final SortedMap<String, Set<String>> TYPES =
      new TreeMap<>(
          Map.of(
              "default",
              keys(),
              "linear",
              keys("factor"),
              "dynamic",
              keys("factor", ORIGINAL_CONTEXT),
              "yarn",
              keys(
                  "attention_factor",
                  "beta_fast",
                  "beta_slow",
                  "factor",
                  ORIGINAL_CONTEXT,
                  "truncate"),
              "llama3",
              keys("factor", "high_freq_factor", "low_freq_factor", ORIGINAL_CONTEXT)));

  private RotarySettings() {}

  private static Set<String> keys(String... more) {
    Set<String> keys = new TreeSet<>(Set.of("partial_rotary_factor", THETA, "rope_type", "type"));
    keys.addAll(Set.of(more));
    return Collections.unmodifiableSet(keys);
  }

  /** The keys that are read of each kind. */
  static SortedMap<String, Set<String>> types() {
    return Collections.unmodifiableSortedMap(TYPES);
  }

  /**
   * The embedding of a configuration that has one.
   *
   * @param theta where none is given
   */
  static RotaryEmbedding of(ModelConfig config, double theta) {
    Optional<RotaryEmbedding> newer =
        config.hasObject(NEWER)
            ? Optional.of(of(config, config.child(NEWER), THETA, theta))
            : Optional.empty();
    if (newer.isEmpty() || config.hasObject(OLDER)) {
      RotaryEmbedding older = older(config, theta);
      newer.ifPresent(rope -> config.requireAgreement(OLDER, older, rope, NEWER));
      return older;
    }
    return newer.get();
  }

  /**
   * The embedding of all layers of a configuration that has another one for layers with a sliding
   * window; newer ones have both, by the name of their attention, in {@code rope_parameters}.
   *
   * @param attention {@code full_attention} or {@code sliding_attention}
   * @param thetaKey where older ones have its base
   * @param scaled whether older ones mean their scaling for it
   * @param theta where none is given
   */
  static RotaryEmbedding of(
      ModelConfig config, String attention, String thetaKey, boolean scaled, double theta) {
    if (!config.hasObject(NEWER)) {
      return scaled
          ? older(config, theta)
          : new RotaryEmbedding(config.number(thetaKey, theta), Optional.empty());
    }
    config.require(
        !config.hasObject(OLDER), OLDER, "nothing beside rope_parameters", config.get(OLDER));
    ModelConfig both = config.child(NEWER);
    both.requireNothingElse(ConfigKeys.MODEL, Set.of(LayerAttention.FULL, LayerAttention.SLIDING));
    return of(config, both.child(attention), thetaKey, theta);
  }

  private static RotaryEmbedding older(ModelConfig config, double theta) {
    return config.hasObject(OLDER)
        ? of(config, config.child(OLDER), THETA, theta)
        : new RotaryEmbedding(config.number(THETA, theta), Optional.empty());
  }

  private static RotaryEmbedding of(
      ModelConfig config, ModelConfig rope, String thetaKey, double standard) {
    double theta = rope.number(THETA, config.number(thetaKey, standard));
    if (config.present(thetaKey)) {
      rope.requireAgreement(THETA, theta, config.number(thetaKey), thetaKey + " beside it");
    }
    String type = rope.text("rope_type", rope.text("type", "default"));
    if (rope.present("type")) {
      rope.requireAgreement("rope_type", type, rope.text("type"), "type");
    }
    if (!TYPES.containsKey(type)) {
      throw rope.unsupported("rope_type", "one of " + TYPES.keySet(), type);
    }
    double rotated = rope.number("partial_rotary_factor", 1);
    rope.require(rotated == 1, "partial_rotary_factor", "1, the whole head", rotated);
    Optional<Scaling> scaling = scaling(config, rope, type);
    rope.requireNothingElse(ConfigKeys.MODEL, TYPES.get(type));
    return new RotaryEmbedding(theta, scaling);
  }

  private static Optional<Scaling> scaling(ModelConfig config, ModelConfig rope, String type) {
    switch (type) {
      case "linear":
        return Optional.of(new RotaryEmbedding.LinearScaling(factor(rope)));
      case "llama3":
        return Optional.of(
            new RotaryEmbedding.Llama3Scaling(
                factor(rope),
                rope.number("low_freq_factor"),
                rope.number("high_freq_factor"),
                rope.number(ORIGINAL_CONTEXT)));
      case "yarn":
        return Optional.of(yarn(config, rope));
      case "dynamic":
        // It changes nothing before a sequence is longer than max_position_embeddings, which none
        // may be: the frequencies of all sequences of a batch would follow the longest, and with
        // them one user's gradient another user's text.
        factor(rope);
        int context = config.positive("max_position_embeddings");
        int original = rope.positive(ORIGINAL_CONTEXT, context);
        rope.require(
            original == context,
            ORIGINAL_CONTEXT,
            context + ", as max_position_embeddings says",
            original);
        return Optional.empty();
      default:
        return Optional.empty();
    }
  }

  private static Scaling yarn(ModelConfig config, ModelConfig rope) {
    double factor = factor(rope);
    double fast = positive(rope, "beta_fast", 32);
    double slow = positive(rope, "beta_slow", 1);
    rope.require(fast >= slow, "beta_fast", "at least beta_slow, " + slow, fast);
    return new RotaryEmbedding.YarnScaling(
        factor,
        rope.positive(ORIGINAL_CONTEXT, config.positive("max_position_embeddings")),
        fast,
        slow,
        positive(rope, "attention_factor", RotaryEmbedding.YarnScaling.suggestedVectors(factor)),
        rope.flag("truncate", true));
  }

  private static double positive(ModelConfig rope, String key, double standard) {
    double value = rope.number(key, standard);
    rope.require(value > 0, key, "a positive number", value);
    return value;
  }

  private static double factor(ModelConfig rope) {
    double factor = rope.number("factor");
    rope.require(factor >= 1, "factor", "at least 1", factor);
    return factor;
  }
}
