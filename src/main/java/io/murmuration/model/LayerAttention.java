package io.murmuration.model;

import java.util.List;
import java.util.Optional;

/**
 * How far back the attention of each layer reaches: a family's rule, and {@code layer_types} of
 * newer configurations.
 */
final class LayerAttention {

  static final String FULL = "full_attention";
  static final String SLIDING = "sliding_attention";

  /** A layer that every rule gives its window, if the settings have any. */
  static final int ANY_WITH_A_WINDOW = Integer.MAX_VALUE;

  /** The default of transformers' configurations. */
  private static final int DEFAULT_WINDOW = 4096;

  /** How far back the attention of a layer reaches; empty: all the way. */
  interface Window {
    Optional<Integer> of(ModelConfig config, int layer);
  }

  /** What a list of attention types, layer by layer, does. */
  enum LayerTypes {
    /** It is passed over by the family's own implementation, so it must say the same. */
    MUST_AGREE,
    /** It wins over where the family would put windows, but not over a switch that is off. */
    DECIDE
  }

  private LayerAttention() {}

  static Optional<Integer> none(ModelConfig config, int layer) {
    return Optional.empty();
  }

  /** A window in every layer, unless it is null. */
  static Optional<Integer> everywhere(ModelConfig config, int layer) {
    return config.isNull("sliding_window")
        ? Optional.empty()
        : Optional.of(config.positive("sliding_window", DEFAULT_WINDOW));
  }

  /** Only where it is given. */
  static Optional<Integer> whereGiven(ModelConfig config, int layer) {
    return config.present("sliding_window")
        ? Optional.of(config.positive("sliding_window"))
        : Optional.empty();
  }

  /** Where it is switched on: in the layers from {@code max_window_layers} on. */
  static Optional<Integer> upperLayers(ModelConfig config, int layer) {
    return config.flag("use_sliding_window", false)
            && layer >= config.wholeNumber("max_window_layers", 28)
        ? everywhere(config, layer)
        : Optional.empty();
  }

  /** The windows, by a family's rule and by the list of newer configurations. */
  static Window of(ModelConfig config, int layers, Window standard, LayerTypes layerTypes) {
    List<String> types = config.texts("layer_types");
    if (types.isEmpty()) {
      return standard;
    }
    config.require(
        types.size() == layers, "layer_types", layers + " of them, one a layer", types.size());
    for (int i = 0; i < layers; i++) {
      String type = types.get(i);
      config.require(
          type.equals(FULL) || type.equals(SLIDING), "layer_types", FULL + " or " + SLIDING, type);
      boolean windowed =
          standard.of(config, layerTypes == LayerTypes.DECIDE ? ANY_WITH_A_WINDOW : i).isPresent();
      boolean fits =
          layerTypes == LayerTypes.DECIDE
              ? windowed || type.equals(FULL)
              : windowed == type.equals(SLIDING);
      config.require(
          fits,
          "layer_types",
          "%s in layer %d, as the settings of the sliding window say"
              .formatted(windowed ? SLIDING : FULL, i),
          type);
    }
    return layerTypes == LayerTypes.MUST_AGREE
        ? standard
        : (same, layer) ->
            types.get(layer).equals(SLIDING)
                ? standard.of(same, ANY_WITH_A_WINDOW)
                : Optional.empty();
  }
}
