package io.murmuration.privacy.mechanism;

/** How a round chooses its data, and thereby what its unit of clipping is (arXiv 2407.07737). */
public enum Sampler {
  /** User-level sampling: each user takes part independently with probability q. */
  ULS,
  /** Example-level sampling: each pooled example takes part independently with probability p. */
  ELS
}
