package io.murmuration.training;

import io.murmuration.release.NamedTensor;
import io.murmuration.release.SafetensorsWriter;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collection;
import java.util.List;
import java.util.Map;

/** What was trained as the bytes of a release's weights file, in safetensors format. */
public final class TrainedWeights {

  /** What transformers expects of a file it may load. */
  private static final Map<String, String> METADATA = Map.of("format", "pt");

  private TrainedWeights() {}

  /**
   * The file's bytes.
   *
   * @param layout names, as the Hugging Face tools know them, and shapes of what was trained
   * @param parameters the flat vector in the order of the layout
   * @param frozen tensors that were not trained but belong to the release: the A of each layer when
   *     only B is trained
   */
  public static byte[] write(
      ParameterLayout layout, float[] parameters, Collection<NamedTensor> frozen) {
    if (parameters.length != layout.size()) {
      throw new IllegalArgumentException(
          "the layout has %d parameters but %d are given"
              .formatted(layout.size(), parameters.length));
    }
    List<NamedTensor> tensors = new ArrayList<>(frozen);
    for (ParameterLayout.Entry entry : layout.entries()) {
      tensors.add(
          new NamedTensor(
              entry.name(),
              entry.shape(),
              Arrays.copyOfRange(parameters, entry.offset(), entry.offset() + entry.size())));
    }
    return SafetensorsWriter.write(METADATA, tensors);
  }
}
