package io.murmuration.training;

import java.io.Serializable;

/** Which first-order optimizer turns the noisy mean gradient into a step, and how. */
public sealed interface OptimizerOptions extends Serializable {

  /** The rate by executed round. */
  LearningRateSchedule learningRate();

  /** Makes the optimizer, with no state of its own. */
  Optimizer optimizer();

  /**
   * Stochastic gradient descent with heavy-ball momentum, as in PyTorch: v ← μ·v + g; θ ← θ − η·v.
   *
   * @param momentum μ in [0, 1); 0 keeps no moments
   */
  record Sgd(LearningRateSchedule learningRate, double momentum) implements OptimizerOptions {

    public Sgd {
      requireSchedule(learningRate);
      requireFraction("SGD momentum", momentum);
    }

    @Override
    public Optimizer optimizer() {
      return new SgdOptimizer(this);
    }
  }

  /**
   * Adam with decoupled weight decay (Kingma and Ba, arXiv 1412.6980, algorithm 1; Loshchilov and
   * Hutter, arXiv 1711.05101, algorithm 2). Without decay it is plain Adam.
   *
   * @param beta1 decay of the first moment, in [0, 1)
   * @param beta2 decay of the second moment, in [0, 1)
   * @param epsilon what is added to the root of the second moment, positive
   * @param weightDecay λ ≥ 0, times the learning rate
   */
  record AdamW(
      LearningRateSchedule learningRate,
      double beta1,
      double beta2,
      double epsilon,
      double weightDecay)
      implements OptimizerOptions {

    public AdamW {
      requireSchedule(learningRate);
      requireFraction("Adam's beta1", beta1);
      requireFraction("Adam's beta2", beta2);
      if (!(epsilon > 0 && epsilon < Double.POSITIVE_INFINITY)) {
        throw new IllegalArgumentException(
            "Adam's epsilon must be positive and finite but is " + epsilon);
      }
      if (!(weightDecay >= 0 && weightDecay < Double.POSITIVE_INFINITY)) {
        throw new IllegalArgumentException(
            "weight decay must be at least 0 and finite but is " + weightDecay);
      }
    }

    /** Adam (0.9, 0.99) without weight decay: what was tried under noise. */
    public static AdamW withDefaults(LearningRateSchedule learningRate) {
      return new AdamW(
          learningRate,
          /* beta1= */ 0.9,
          /* beta2= */ 0.99,
          /* epsilon= */ 1e-8,
          /* weightDecay= */ 0);
    }

    @Override
    public Optimizer optimizer() {
      return new AdamWOptimizer(this);
    }
  }

  /**
   * Another optimizer whose iterates are averaged: the model that trains is the last iterate, the
   * one that is released is aₜ = d·aₜ₋₁ + (1 − d)·θₜ with d = min(decay, (1 + t)/(10 + t)), which
   * forgets the start sooner (Polyak and Juditsky 1992; the warm-up is that of TensorFlow's
   * ExponentialMovingAverage). It is a function of iterates that are accounted for, so it costs no
   * privacy.
   *
   * @param inner what makes the steps; not averaged itself
   * @param decay what the average keeps of itself, in (0, 1)
   */
  record Averaged(OptimizerOptions inner, double decay) implements OptimizerOptions {

    public Averaged {
      if (inner == null || inner instanceof Averaged) {
        throw new IllegalArgumentException(
            "iterates of an optimizer are averaged once, but it is " + inner);
      }
      if (!(decay > 0 && decay < 1)) {
        throw new IllegalArgumentException("average decay must be in (0, 1) but is " + decay);
      }
    }

    @Override
    public LearningRateSchedule learningRate() {
      return inner.learningRate();
    }

    @Override
    public Optimizer optimizer() {
      return new AveragingOptimizer(this);
    }
  }

  private static void requireSchedule(LearningRateSchedule learningRate) {
    if (learningRate == null) {
      throw new IllegalArgumentException("a learning rate schedule is required");
    }
  }

  private static void requireFraction(String name, double value) {
    if (!(value >= 0 && value < 1)) {
      throw new IllegalArgumentException(name + " must be in [0, 1) but is " + value);
    }
  }
}
