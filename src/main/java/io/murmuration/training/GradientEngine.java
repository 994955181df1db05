package io.murmuration.training;

import io.murmuration.event.Example;
import java.util.List;
import java.util.Optional;

/**
 * Computes clipped gradient sums on a model whose base weights are frozen and public.
 *
 * <p>Used by one thread at a time, which need not be the one that created it.
 */
public interface GradientEngine extends AutoCloseable {

  /** What is trained, in the order of the flat parameter vector. */
  ParameterLayout layout();

  /** Parameters before the first round: a public starting point, freshly made for each call. */
  float[] initialParameters();

  /**
   * Sums the clipped gradients of all slices on the grid of a round. An empty list gives the zero
   * vector. A slice whose text fails to tokenize, whose gradient is not finite or whose processing
   * throws contributes zero.
   *
   * @param parameters flat, of the layout's size; not modified
   * @param slices any number; micro-batching is the engine's affair and changes no result
   * @param grid what slices are clipped and rounded to; one slice moves the sum by at most its
   *     bound, in whole numbers
   */
  ClippedSum clippedSum(float[] parameters, List<PrivacySlice> slices, RoundGrid grid);

  /**
   * Adds the clipped gradients of all slices to a sum, as {@link #clippedSum} does.
   *
   * @param sum of the layout's size; its grid says what is clipped to
   */
  default void addTo(ClippedAccumulator sum, float[] parameters, List<PrivacySlice> slices) {
    sum.add(clippedSum(parameters, slices, sum.grid()));
  }

  /**
   * The L2 norm of each slice's gradient, unclipped. Slices that would contribute zero to {@link
   * #clippedSum} because they fail are left out.
   *
   * @param parameters flat, of the layout's size; not modified
   * @param slices any number
   * @return finite norms in no particular order; an exact function of private data
   */
  double[] norms(float[] parameters, List<PrivacySlice> slices);

  /**
   * One slice's gradient, unclipped.
   *
   * @param parameters flat, of the layout's size; not modified
   * @return flat, in the order of the layout; empty if the slice would contribute zero to {@link
   *     #clippedSum}; an exact function of private data
   */
  Optional<double[]> gradient(float[] parameters, PrivacySlice slice);

  /**
   * What one example weighs in the gradient of a slice of several, which is the weighted mean of
   * theirs: for a language model how many of its tokens are trained on.
   *
   * @param example one that {@link #gradient} alone is not empty for
   */
  default double weight(Example example) {
    return 1;
  }

  @Override
  void close();
}
