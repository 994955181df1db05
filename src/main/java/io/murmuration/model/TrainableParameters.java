package io.murmuration.model;

import ai.djl.ndarray.NDArray;
import java.util.List;
import java.util.Map;

/**
 * What is trained on a model: which tensors, where they start, and where they enter the decoder.
 */
public interface TrainableParameters extends AutoCloseable {

  /** The model that is trained. */
  LanguageModel model();

  /** Names and shapes as published, in the order of the flat parameter vector. */
  List<TensorSpec> tensors();

  /** Public starting point in the order of {@link #tensors()}, freshly made for each call. */
  float[] initialValues();

  /**
   * What the decoder computes with.
   *
   * @param leaves an array for each of {@link #tensors()}, in its shape, or with the slices as
   *     leading dimension
   */
  Binding bind(Map<String, NDArray> leaves);

  /** Whether gradients need what goes into linear maps, and not only what comes out. */
  boolean needsInputs();

  /** Frees what was added to the model; the model itself stays open. */
  @Override
  void close();

  /** Opaque to callers outside this package; goes into {@link LanguageModel#tokenLosses}. */
  record Binding(DecoderParameters parameters) {}
}
