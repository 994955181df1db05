package io.murmuration.model;

import io.murmuration.model.LoraConfig.Mode;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;

/**
 * A model directory with, perhaps, an adapter directory on top: what a person evaluates or reads.
 */
public final class AdaptedModel implements AutoCloseable {

  private final LanguageModel model;
  private final Optional<LoraParameters> lora;

  private AdaptedModel(LanguageModel model, Optional<LoraParameters> lora) {
    this.model = model;
    this.lora = lora;
  }

  /**
   * Loads both.
   *
   * @param adapter a PEFT directory; empty for the model alone
   */
  public static AdaptedModel load(Path model, Optional<Path> adapter) throws IOException {
    LanguageModel base = LanguageModel.load(model);
    try {
      Optional<LoraParameters> lora =
          adapter.isEmpty()
              ? Optional.empty()
              : Optional.of(LoraParameters.from(base, LoraAdapter.read(adapter.get()), Mode.BOTH));
      return new AdaptedModel(base, lora);
    } catch (IOException | RuntimeException e) {
      base.close();
      throw e;
    }
  }

  /** The model below the adapter. */
  public LanguageModel model() {
    return model;
  }

  /**
   * Checks that it works at all.
   *
   * @throws ModelFormatException if its loss on a public text is not finite
   */
  public void requireSound() {
    PublicText.requireFinite(model.directory(), evaluate(PublicText.of(model), Integer.MAX_VALUE));
  }

  /** How well it predicts texts: see {@link TextEvaluator}. */
  public TextLoss evaluate(List<String> texts, int context) {
    TextEvaluator evaluator = new TextEvaluator(model, texts, context);
    return lora.map(l -> evaluator.evaluate(l, l.initialValues())).orElseGet(evaluator::evaluate);
  }

  /** Continues prompts. */
  public TextGenerator generator() {
    return lora.map(l -> new TextGenerator(l, l.initialValues()))
        .orElseGet(() -> new TextGenerator(model));
  }

  /**
   * Writes base and adapter as one plain model directory.
   *
   * @throws IllegalStateException if there is no adapter
   */
  public void writeMerged(Path target) throws IOException {
    LoraParameters adapter =
        lora.orElseThrow(() -> new IllegalStateException("there is no adapter to merge"));
    ModelDirectoryWriter.writeMerged(target, adapter, adapter.initialValues());
  }

  @Override
  public void close() {
    lora.ifPresent(LoraParameters::close);
    model.close();
  }
}
