package io.murmuration.model;

import io.murmuration.model.DecoderDescription.Linear;
import java.util.List;

/**
 * Which linear maps get low-rank updates, and how large.
 *
 * @param rank inner dimension r, at least 1
 * @param alpha the update is scaled by alpha / rank; positive and finite
 * @param targets names of linear maps: a full module name or its last components, as PEFT's {@code
 *     target_modules}; {@link #ALL_LINEAR} for all of them
 * @param mode which factors are trained
 * @see <a href="https://arxiv.org/abs/2106.09685">Hu et al., LoRA</a>
 */
public record LoraConfig(int rank, double alpha, List<String> targets, Mode mode) {

  /** Target that stands for every linear map inside the layers. */
  public static final String ALL_LINEAR = "all-linear";

  /** Which factors are trained. */
  public enum Mode {
    /** A and B. */
    BOTH,
    /** B alone; A keeps its public starting values. Halves the dimension of the noise. */
    B_ONLY
  }

  public LoraConfig {
    targets = List.copyOf(targets);
    if (rank < 1) {
      throw new IllegalArgumentException("LoRA rank must be at least 1, given " + rank);
    }
    if (!(alpha > 0) || Double.isInfinite(alpha)) {
      throw new IllegalArgumentException("LoRA alpha must be positive and finite, given " + alpha);
    }
    if (targets.isEmpty()) {
      throw new IllegalArgumentException(
          "LoRA needs at least one target module, or " + ALL_LINEAR + ", given none");
    }
  }

  /** Factor of the update, alpha / rank. */
  public double scale() {
    return alpha / rank;
  }

  /** How many numbers are trained on a model. */
  public long trainedParameters(DecoderDescription description) {
    return select(description).stream()
        .mapToLong(linear -> (long) rank * (linear.out() + (mode == Mode.BOTH ? linear.in() : 0)))
        .sum();
  }

  /**
   * The maps that the targets name, in computation order.
   *
   * @throws IllegalArgumentException if a target names none
   */
  List<Linear> select(DecoderDescription description) {
    List<Linear> all = description.linears();
    for (String target : targets) {
      if (all.stream().noneMatch(linear -> matches(linear, target))) {
        throw new IllegalArgumentException(
            String.format(
                "LoRA target must name a linear map of the model (%s) or be %s, given %s",
                all.stream().map(LoraConfig::shortName).distinct().toList(), ALL_LINEAR, target));
      }
    }
    return all.stream().filter(l -> targets.stream().anyMatch(t -> matches(l, t))).toList();
  }

  /** Full names of the maps that the targets name, in computation order. */
  public List<String> modules(DecoderDescription description) {
    return select(description).stream().map(Linear::module).toList();
  }

  /** Short names of the maps that the targets name, as PEFT's {@code target_modules}. */
  public List<String> targetModules(DecoderDescription description) {
    return select(description).stream().map(LoraConfig::shortName).distinct().toList();
  }

  /** Whether one of the targets stores its weight transposed, as PEFT's {@code fan_in_fan_out}. */
  public boolean fanInFanOut(DecoderDescription description) {
    return select(description).stream().anyMatch(Linear::fanInFanOut);
  }

  private static boolean matches(Linear linear, String target) {
    return target.equals(ALL_LINEAR)
        || linear.module().equals(target)
        || linear.module().endsWith("." + target);
  }

  /** The module's last component. */
  static String shortName(Linear linear) {
    return linear.module().substring(linear.module().lastIndexOf('.') + 1);
  }
}
