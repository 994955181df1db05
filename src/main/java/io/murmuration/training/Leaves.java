package io.murmuration.training;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.index.NDIndex;
import ai.djl.ndarray.types.Shape;
import java.util.ArrayList;
import java.util.List;

/**
 * The trainable tensors of a pass as autograd's leaves, and the gradients that it leaves in them.
 */
final class Leaves {

  private Leaves() {}

  /**
   * The gradient of each leaf after a backward pass.
   *
   * @return (slices, size of the tensor) each
   */
  static List<NDArray> gradients(List<NDArray> leaves, int slices) {
    List<NDArray> gradients = new ArrayList<>(leaves.size());
    for (NDArray leaf : leaves) {
      gradients.add(leaf.getGradient().reshape(slices, -1));
    }
    return gradients;
  }

  /**
   * One view per trainable tensor, shared by the whole batch.
   *
   * @param flat all parameters, in the order of the layout
   */
  static List<NDArray> shared(ParameterLayout layout, NDArray flat) {
    List<NDArray> leaves = new ArrayList<>(layout.entries().size());
    for (ParameterLayout.Entry entry : layout.entries()) {
      leaves.add(
          flat.get(new NDIndex("{}:{}", entry.offset(), entry.offset() + entry.size()))
              .reshape(entry.shape().stream().mapToLong(Long::longValue).toArray()));
    }
    return leaves;
  }

  /**
   * One view per trainable tensor, expanded over slices without copying, so that a backward pass
   * leaves each slice's gradient in its own part.
   */
  static List<NDArray> perSlice(ParameterLayout layout, NDArray flat, int slices) {
    List<NDArray> leaves = new ArrayList<>(layout.entries().size());
    for (NDArray leaf : shared(layout, flat)) {
      Shape expanded = new Shape(slices).addAll(leaf.getShape());
      leaves.add(leaf.expandDims(0).broadcast(expanded));
    }
    return leaves;
  }
}
