package io.murmuration.model;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.NDScope;
import io.murmuration.model.TrainableParameters.Binding;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * Measures how well a model predicts texts: beginning-of-text before each, control tokens in a text
 * not parsed, texts cut at the context.
 *
 * <p>Any thread may evaluate while another trains on the same model: weights are only read.
 */
public final class TextEvaluator {

  /** Positions per pass: enough to fill a core, little enough for caches. */
  private static final int POSITIONS_PER_PASS = 1024;

  private record Item(TokenSequence sequence, int characters) {}

  private final LanguageModel model;
  private final List<Item> items;

  /**
   * Tokenizes once, to evaluate many times.
   *
   * @param context ids per text, beginning-of-text included; at least 2, and cut to the model's
   */
  public TextEvaluator(LanguageModel model, List<String> texts, int context) {
    this.model = model;
    this.items = new ArrayList<>(texts.size());
    int limit = Math.min(context, model.description().maxPositions());
    for (String text : texts) {
      Item item = item(text, limit);
      if (item.sequence().targets() > 0) {
        items.add(item);
      }
    }
    items.sort(Comparator.comparingInt(item -> item.sequence().inputs()));
  }

  private Item item(String text, int limit) {
    TokenSequence sequence = model.tokenizer().encode(null, text, limit);
    return new Item(sequence, model.tokenizer().characters(text, sequence.targets()));
  }

  /** Measures the model as it was loaded. */
  public TextLoss evaluate() {
    return measure(Map.of(), null);
  }

  /**
   * Measures it with trained parameters.
   *
   * @param trainable on the same model
   * @param parameters flat, in the order of {@link TrainableParameters#tensors()}
   */
  public TextLoss evaluate(TrainableParameters trainable, float[] parameters) {
    try (NDScope scope = new NDScope();
        NDManager manager = model.manager().newSubManager()) {
      scope.suppressNotUsedWarning();
      return measure(arrays(manager, trainable, parameters), trainable);
    }
  }

  private TextLoss measure(Map<String, NDArray> arrays, TrainableParameters trainable) {
    Binding binding = trainable == null ? model.base() : trainable.bind(arrays);
    double nats = 0;
    long tokens = 0;
    int from = 0;
    while (from < items.size()) {
      int to = endOfPass(from);
      List<List<TokenSequence>> slices =
          items.subList(from, to).stream().map(item -> List.of(item.sequence())).toList();
      for (float loss : model.losses(new TokenBatch(slices), binding)) {
        nats += loss;
        tokens++;
      }
      from = to;
    }
    long characters = items.stream().mapToLong(Item::characters).sum();
    return new TextLoss(items.size(), tokens, characters, nats);
  }

  private int endOfPass(int from) {
    int to = from + 1;
    while (to < items.size()
        && (long) (to + 1 - from) * items.get(to).sequence().inputs() <= POSITIONS_PER_PASS) {
      to++;
    }
    return to;
  }

  /** Flat parameters as arrays by name. */
  static Map<String, NDArray> arrays(
      NDManager manager, TrainableParameters trainable, float[] parameters) {
    long expected = trainable.tensors().stream().mapToLong(TensorSpec::size).sum();
    if (parameters.length != expected) {
      throw new IllegalArgumentException(
          "expected " + expected + " parameters, given " + parameters.length);
    }
    Map<String, NDArray> arrays = new HashMap<>();
    int offset = 0;
    for (TensorSpec tensor : trainable.tensors()) {
      int size = (int) tensor.size();
      float[] values = java.util.Arrays.copyOfRange(parameters, offset, offset + size);
      arrays.put(tensor.name(), Tensors.floats(manager, values, tensor.dimensions()));
      offset += size;
    }
    return arrays;
  }
}
