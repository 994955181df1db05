package io.murmuration.model;

import io.murmuration.model.RotaryEmbedding.Scaling;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalDouble;
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
  private static final String SHARE = "partial_rotary_factor";
  private static final String LONGROPE = "longrope";

  /** What Phi-3's configurations mean where they do not say it. */
  private static final int PHI3_CONTEXT = 4096;

  /**
   * What a family knows besides the usual.
   *
   * @param share the default of {@code partial_rotary_factor}; empty: heads are rotated as a whole
   * @param phi3 whether scaled embeddings are LongRoPE, as in Phi-3, and nothing else
   */
  private record Habits(OptionalDouble share, boolean phi3) {
    static final Habits USUAL = new Habits(OptionalDouble.empty(), false);
  }

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
              keys("factor", "high_freq_factor", "low_freq_factor", ORIGINAL_CONTEXT),
              LONGROPE,
              keys("attention_factor", "factor", "long_factor", ORIGINAL_CONTEXT, "short_factor")));

  private RotarySettings() {}

  private static Set<String> keys(String... more) {
    Set<String> keys = new TreeSet<>(Set.of(SHARE, THETA, "rope_type", "type"));
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
    return of(config, theta, Habits.USUAL);
  }

  /**
   * The embedding of a family whose heads may be rotated in part.
   *
   * @param share where none is given
   */
  static RotaryEmbedding ofAShare(ModelConfig config, double theta, double share) {
    return of(config, theta, new Habits(OptionalDouble.of(share), /* phi3= */ false));
  }

  /**
   * Phi-3's: heads may be rotated in part, and scaled embeddings are LongRoPE whatever their name
   * is.
   */
  static RotaryEmbedding ofPhi3(ModelConfig config) {
    return of(config, /* theta= */ 10_000, new Habits(OptionalDouble.of(1), /* phi3= */ true));
  }

  private static RotaryEmbedding of(ModelConfig config, double theta, Habits habits) {
    Optional<RotaryEmbedding> newer =
        config.hasObject(NEWER)
            ? Optional.of(of(config, config.child(NEWER), THETA, theta, habits))
            : Optional.empty();
    if (newer.isEmpty() || config.hasObject(OLDER)) {
      RotaryEmbedding older = older(config, theta, habits);
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
          ? older(config, theta, Habits.USUAL)
          : new RotaryEmbedding(config.number(thetaKey, theta), 1, Optional.empty());
    }
    config.require(
        !config.hasObject(OLDER), OLDER, "nothing beside rope_parameters", config.get(OLDER));
    ModelConfig both = config.child(NEWER);
    both.requireNothingElse(ConfigKeys.MODEL, Set.of(LayerAttention.FULL, LayerAttention.SLIDING));
    return of(config, both.child(attention), thetaKey, theta, Habits.USUAL);
  }

  private static RotaryEmbedding older(ModelConfig config, double theta, Habits habits) {
    return config.hasObject(OLDER)
        ? of(config, config.child(OLDER), THETA, theta, habits)
        : new RotaryEmbedding(
            config.number(THETA, theta), share(config, config, habits), Optional.empty());
  }

  private static RotaryEmbedding of(
      ModelConfig config, ModelConfig rope, String thetaKey, double standard, Habits habits) {
    double theta = rope.number(THETA, config.number(thetaKey, standard));
    if (config.present(thetaKey)) {
      rope.requireAgreement(THETA, theta, config.number(thetaKey), thetaKey + " beside it");
    }
    String type = rope.text("rope_type", rope.text("type", "default"));
    if (rope.present("type")) {
      rope.requireAgreement("rope_type", type, rope.text("type"), "type");
    }
    if (habits.phi3() && type.equals("su")) {
      type = LONGROPE; // its name before it had one
    }
    Set<String> known = new TreeSet<>(TYPES.keySet());
    known.removeIf(
        each ->
            habits.phi3() ? !Set.of("default", LONGROPE).contains(each) : each.equals(LONGROPE));
    if (!known.contains(type)) {
      throw rope.unsupported("rope_type", "one of " + known, type);
    }
    double share = share(config, rope, habits);
    Optional<Scaling> scaling = scaling(config, rope, type);
    rope.requireNothingElse(ConfigKeys.MODEL, TYPES.get(type));
    return new RotaryEmbedding(theta, share, scaling);
  }

  /**
   * How much of each head is rotated.
   *
   * @param rope what says how, or the configuration itself
   */
  private static double share(ModelConfig config, ModelConfig rope, Habits habits) {
    if (habits.share().isEmpty()) {
      double share = rope == config ? 1 : rope.number(SHARE, 1);
      rope.require(share == 1, SHARE, "1, the whole head", share);
      return 1;
    }
    double share = rope.number(SHARE, config.number(SHARE, habits.share().getAsDouble()));
    rope.require(share > 0 && share <= 1, SHARE, "in (0, 1]", share);
    if (config.present(SHARE)) {
      rope.requireAgreement(SHARE, share, config.number(SHARE), SHARE + " beside it");
    }
    return share;
  }

  /**
   * Requires that an embedding is one for heads of a width.
   *
   * @throws ModelFormatException if dimensions or factors are left over
   */
  static void requireFit(ModelConfig config, RotaryEmbedding embedding, int headDim) {
    int rotated = embedding.rotated(headDim);
    config.require(
        rotated >= 2 && rotated % 2 == 0,
        SHARE,
        "an even number of the %d dimensions of a head".formatted(headDim),
        "%s, which is %d of them".formatted(embedding.share(), rotated));
    if (embedding.scaling().orElse(null) instanceof RotaryEmbedding.LongRopeScaling longRope) {
      config.require(
          longRope.shortFactors().size() == rotated / 2,
          "short_factor",
          rotated / 2 + " factors, one for each frequency",
          longRope.shortFactors().size());
    }
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
      case LONGROPE:
        return Optional.of(longRope(config, rope));
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

  /** Transformers takes the ratio of both contexts for the factor, whatever is stated. */
  private static Scaling longRope(ModelConfig config, ModelConfig rope) {
    int original = config.positive(ORIGINAL_CONTEXT, PHI3_CONTEXT);
    if (rope.present(ORIGINAL_CONTEXT)) {
      rope.requireAgreement(
          ORIGINAL_CONTEXT, rope.positive(ORIGINAL_CONTEXT), original, "config.json itself");
    }
    double longer = (double) config.positive("max_position_embeddings") / original;
    if (rope.present("factor")) {
      rope.requireAgreement("factor", rope.number("factor"), longer, "the ratio of both contexts");
    }
    List<Double> shortFactors = rope.positiveNumbers("short_factor");
    List<Double> longFactors = rope.positiveNumbers("long_factor");
    rope.require(
        longFactors.size() == shortFactors.size(),
        "long_factor",
        "as many as short factors, " + shortFactors.size(),
        longFactors.size());
    double suggested = RotaryEmbedding.LongRopeScaling.suggestedVectors(longer, original);
    return new RotaryEmbedding.LongRopeScaling(
        shortFactors, longFactors, original, positive(rope, "attention_factor", suggested));
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
