package io.murmuration.demo;

import io.murmuration.model.LanguageModel;
import io.murmuration.model.TextEvaluator;
import io.murmuration.model.TextLoss;
import io.murmuration.model.TrainableParameters;
import java.util.List;
import java.util.function.Function;
import java.util.function.ToDoubleFunction;

/** Models as the probes want them: mean negative log likelihood per token of a text, in nats. */
public final class ModelScores {
  private ModelScores() {}

  /** The model as it was loaded. */
  public static ToDoubleFunction<String> base(LanguageModel model) {
    return score(model, TextEvaluator::evaluate);
  }

  /**
   * The model with trained parameters.
   *
   * @param parameters flat, in the order of the tensors of {@code trainable}; not copied
   */
  public static ToDoubleFunction<String> adapted(
      TrainableParameters trainable, float[] parameters) {
    return score(trainable.model(), evaluator -> evaluator.evaluate(trainable, parameters));
  }

  private static ToDoubleFunction<String> score(
      LanguageModel model, Function<TextEvaluator, TextLoss> evaluate) {
    int context = model.description().maxPositions();
    return text -> evaluate.apply(new TextEvaluator(model, List.of(text), context)).nllPerToken();
  }
}
