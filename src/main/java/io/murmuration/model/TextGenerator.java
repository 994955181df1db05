package io.murmuration.model;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.NDScope;
import ai.djl.ndarray.index.NDIndex;
import io.murmuration.model.TrainableParameters.Binding;
import java.util.Arrays;
import java.util.random.RandomGenerator;

/** Continues a prompt, so that a person can see what a model says. */
public final class TextGenerator {

  private final LanguageModel model;
  private final TrainableParameters trainable;
  private final float[] parameters;

  /** Generates with the model as it was loaded. */
  public TextGenerator(LanguageModel model) {
    this.model = model;
    this.trainable = null;
    this.parameters = null;
  }

  /**
   * Generates with trained parameters.
   *
   * @param parameters flat, in the order of {@link TrainableParameters#tensors()}
   */
  public TextGenerator(TrainableParameters trainable, float[] parameters) {
    this.model = trainable.model();
    this.trainable = trainable;
    this.parameters = parameters.clone();
  }

  /**
   * Continues a prompt until an end-of-text token, {@code maxTokens} new tokens or the end of the
   * model's context.
   *
   * @param temperature zero: the likeliest token at each step; positive: sampled from the softmax
   *     of logits divided by it
   * @param random not used if the temperature is zero
   * @return the new text alone
   */
  public String generate(String prompt, int maxTokens, double temperature, RandomGenerator random) {
    long[] start = model.tokenizer().encode(null, prompt, model.description().maxPositions()).ids();
    long[] all = generate(start, maxTokens, temperature, random);
    // decoded together and cut, since a token's text can depend on the one before it
    String whole = model.tokenizer().decode(all);
    String before = model.tokenizer().decode(start);
    return whole.startsWith(before)
        ? whole.substring(before.length())
        : model.tokenizer().decode(Arrays.copyOfRange(all, start.length, all.length));
  }

  /**
   * Continues token ids.
   *
   * @return the given ids and the new ones, without the end-of-text token
   */
  public long[] generate(long[] start, int maxTokens, double temperature, RandomGenerator random) {
    if (!(temperature >= 0) || Double.isInfinite(temperature)) {
      throw new IllegalArgumentException(
          "temperature must be finite and not negative, given " + temperature);
    }
    try (Torch.GradMode off = Torch.withoutGradients();
        NDScope scope = new NDScope();
        NDManager manager = model.manager().newSubManager();
        AttentionCache cache = new AttentionCache(manager)) {
      scope.suppressNotUsedWarning();
      Binding binding =
          trainable == null
              ? model.base()
              : trainable.bind(TextEvaluator.arrays(manager, trainable, parameters));
      long[] ids = start.clone();
      int limit = Math.min(start.length + maxTokens, model.description().maxPositions());
      while (ids.length < limit) {
        float[] logits = nextLogits(ids, binding, cache);
        int next = temperature == 0 ? argMax(logits) : sample(logits, temperature, random);
        if (model.description().endOfText().contains(next)) {
          break;
        }
        ids = Arrays.copyOf(ids, ids.length + 1);
        ids[ids.length - 1] = next;
      }
      return ids;
    }
  }

  /** Logits of the token after {@code ids}, of the model as it was loaded. */
  static float[] nextLogits(LanguageModel model, long[] ids) {
    try (AttentionCache cache = new AttentionCache(model.manager())) {
      return new TextGenerator(model).nextLogits(ids, model.base(), cache);
    }
  }

  /**
   * Logits of the token after {@code ids}; the cache takes up those that it does not have yet.
   *
   * <p>Where the sequence has become so long that all of its positions are rotated otherwise, what
   * the cache has is computed anew, once.
   *
   * @param ids more than the cache has, and the same ones
   */
  float[] nextLogits(long[] ids, Binding binding, AttentionCache cache) {
    if (!model.decoder().rotatesAlike(cache.positions(), ids.length)) {
      cache.forget();
    }
    int[] length = {ids.length};
    int width = model.decoder().positionsAtATime(1, ids.length);
    float[] logits = null;
    for (int first = cache.positions(); first < ids.length; first += width) {
      int end = Math.min(first + width, ids.length);
      try (NDScope scope = new NDScope();
          NDManager step = model.manager().newSubManager()) {
        scope.suppressNotUsedWarning();
        NDArray grid = Tensors.longs(step, Arrays.copyOfRange(ids, first, end), 1, 1, end - first);
        NDArray hidden = model.decoder().continued(step, grid, binding.parameters(), cache, length);
        if (end == ids.length) {
          NDArray last = hidden.get(new NDIndex(":, -1:"));
          logits = Tensors.floats(model.decoder().logits(last, binding.parameters()));
        }
      }
    }
    return logits;
  }

  private static int argMax(float[] logits) {
    int best = 0;
    for (int i = 1; i < logits.length; i++) {
      if (logits[i] > logits[best]) {
        best = i;
      }
    }
    return best;
  }

  private static int sample(float[] logits, double temperature, RandomGenerator random) {
    double top = logits[argMax(logits)];
    double[] cumulative = new double[logits.length];
    double sum = 0;
    for (int i = 0; i < logits.length; i++) {
      sum += Math.exp((logits[i] - top) / temperature);
      cumulative[i] = sum;
    }
    double coin = random.nextDouble() * sum;
    int index = 0;
    while (index < cumulative.length - 1 && cumulative[index] <= coin) {
      index++;
    }
    return index;
  }
}
