package io.murmuration.release;

import java.util.List;

/**
 * One float32 tensor under the name it has in a checkpoint.
 *
 * @param name as the Hugging Face tools know it
 * @param shape dimensions, outermost first; empty for a scalar
 * @param values row-major; as many as the shape says
 */
public record NamedTensor(String name, List<Long> shape, float[] values) {

  public NamedTensor {
    shape = List.copyOf(shape);
    long size = shape.stream().reduce(1L, Math::multiplyExact);
    if (size != values.length) {
      throw new IllegalArgumentException(
          "tensor %s of shape %s needs %d values but has %d"
              .formatted(name, shape, size, values.length));
    }
  }
}
