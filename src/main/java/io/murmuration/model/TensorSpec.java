package io.murmuration.model;

import java.util.List;

/**
 * Name and shape of a tensor as it stands in a checkpoint.
 *
 * @param name as in the checkpoint
 * @param shape dimensions, each at least 1
 */
public record TensorSpec(String name, List<Long> shape) {

  public TensorSpec {
    shape = List.copyOf(shape);
  }

  /** Makes one from an array of dimensions. */
  public static TensorSpec of(String name, long... shape) {
    return new TensorSpec(name, java.util.Arrays.stream(shape).boxed().toList());
  }

  /** Number of elements. */
  public long size() {
    return shape.stream().reduce(1L, Math::multiplyExact);
  }

  /** The dimensions as an array. */
  public long[] dimensions() {
    return shape.stream().mapToLong(Long::longValue).toArray();
  }
}
