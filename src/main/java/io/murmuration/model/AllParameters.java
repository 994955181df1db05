package io.murmuration.model;

import ai.djl.ndarray.NDArray;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Collectors;

/** Trains every tensor of the model; the starting point is the checkpoint. */
public final class AllParameters implements TrainableParameters {

  private final LanguageModel model;
  private final List<TensorSpec> tensors;
  private final Set<String> transposed;

  public AllParameters(LanguageModel model) {
    this.model = model;
    this.tensors = model.description().tensors();
    this.transposed =
        model.description().linears().stream()
            .filter(DecoderDescription.Linear::fanInFanOut)
            .map(DecoderDescription.Linear::weight)
            .collect(Collectors.toSet());
  }

  @Override
  public LanguageModel model() {
    return model;
  }

  @Override
  public List<TensorSpec> tensors() {
    return tensors;
  }

  @Override
  public float[] initialValues() {
    float[] flat = new float[Math.toIntExact(tensors.stream().mapToLong(TensorSpec::size).sum())];
    int offset = 0;
    for (TensorSpec tensor : tensors) {
      float[] values = model.values(tensor.name());
      System.arraycopy(values, 0, flat, offset, values.length);
      offset += values.length;
    }
    return flat;
  }

  @Override
  public Binding bind(Map<String, NDArray> leaves) {
    return new Binding(
        new DecoderParameters() {
          @Override
          public NDArray tensor(String name) {
            NDArray leaf = leaves.get(name);
            if (!transposed.contains(name)) {
              return leaf;
            }
            return leaf.getShape().dimension() == 2 ? leaf.transpose() : leaf.transpose(0, 2, 1);
          }

          @Override
          public Optional<LoraFactors> lora(String module) {
            return Optional.empty();
          }
        });
  }

  @Override
  public boolean needsInputs() {
    return true;
  }

  /** Does nothing: the model belongs to the caller. */
  @Override
  public void close() {}
}
