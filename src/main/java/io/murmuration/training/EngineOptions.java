package io.murmuration.training;

/**
 * How much a gradient engine may look at and use.
 *
 * @param maxTokens ids per example, beginning-of-text and context included; at least 2. Part of the
 *     training task: it changes gradients
 * @param memoryBudgetBytes about how much one micro-batch may hold for activations and gradients;
 *     changes no result beyond float rounding
 */
public record EngineOptions(int maxTokens, long memoryBudgetBytes) {

  /**
   * The default memory: large enough that the fixed cost of a step hardly shows: with a model of
   * width 64, budgets above it were no faster, an eighth of it took several times as long.
   */
  public static final long DEFAULT_MEMORY_BUDGET_BYTES = 256L << 20;

  public EngineOptions {
    if (maxTokens < 2) {
      throw new IllegalArgumentException("maxTokens must be at least 2, given " + maxTokens);
    }
    if (memoryBudgetBytes <= 0) {
      throw new IllegalArgumentException(
          "the memory budget must be positive, given " + memoryBudgetBytes + " bytes");
    }
  }

  /** Options with the default memory budget. */
  public static EngineOptions ofMaxTokens(int maxTokens) {
    return new EngineOptions(maxTokens, DEFAULT_MEMORY_BUDGET_BYTES);
  }
}
