package io.murmuration.training;

import io.murmuration.privacy.mechanism.AdaptiveClipping;
import io.murmuration.privacy.mechanism.Grant;
import io.murmuration.privacy.mechanism.RoundMechanism;
import io.murmuration.privacy.noise.BandedToeplitzNoise;
import io.murmuration.privacy.noise.NoiseFactory;
import io.murmuration.privacy.noise.NoiseGrid;
import java.util.List;

/**
 * The private step: θ ← optimizer(θ, u·(Σ k + N) / M), where k is a slice's gradient, clipped to C
 * and rounded to a grid of unit u, and N a discrete Gaussian of deviation σ·C·(1 + 10⁻³)/u
 * (DP-SGD-ULS and DP-SGD-ELS, arXiv 2407.07737; they differ only in what a slice is). Sum and noise
 * are whole numbers, see {@link NoiseGrid}.
 *
 * <p><b>Formal guarantee.</b> If every user (ULS) or example (ELS) of the grant's mechanism is in
 * {@code slices} independently with the grant's probability, one step is the subsampled Gaussian
 * mechanism with the grant's noise multiplier, and everything after the noise is post-processing.
 *
 * <table>
 * <caption>Edge cases</caption>
 * <tr><td>empty cohort</td><td>noise is added and a step taken, as in any other round</td></tr>
 * <tr><td>fewer or more slices than expected</td><td>divided by the public M all the same</td></tr>
 * <tr><td>a slice that fails</td><td>contributes zero, by contract of the engine</td></tr>
 * <tr><td>neighbouring cohorts batch differently</td><td>the others' gradients move by rounding:
 *     a slice is bounded by 1/(1 + 10⁻³) of what is accounted for, and they may move by the
 *     rest</td></tr>
 * <tr><td>a round that was executed before, or an older one</td><td>refused: fresh noise on a round
 *     already released would be a second release of it</td></tr>
 * <tr><td>adaptive clipping</td><td>update and unclipped bits are one joint Gaussian mechanism, and
 *     the grant's noise multiplier is that of both</td></tr>
 * <tr><td>the same round of the same cohort in another attempt</td><td>other noise: its key is
 *     drawn afresh for every step</td></tr>
 * <tr><td>correlated noise</td><td>N is what is left after what earlier rounds added is taken away in
 *     part; the mixture of rounds that the mechanism noises has discrete Gaussian noise, see {@link
 *     BandedToeplitzNoise}. No memory of it outlives an attempt</td></tr>
 * </table>
 *
 * <p>Threads: {@link #step}, {@link #apply} and {@link #restore} by one at a time; {@link #state}
 * by any.
 */
public final class PrivateTrainer {

  /** What takes gradients; null where sums are taken elsewhere. */
  private final GradientEngine engine;

  private final Optimizer optimizer;
  private final NoiseFactory noise;
  private final RoundNoise updateNoise;
  private final int size;
  private final String layoutDigest;
  private final TrainingOrigin origin;
  private volatile TrainerState state;

  /**
   * A trainer that takes gradients itself, on an engine at its public starting point, which it does
   * not own.
   */
  public PrivateTrainer(GradientEngine engine, OptimizerOptions options, NoiseFactory noise) {
    this(engine, options, noise, TrainingOrigin.UNKNOWN);
  }

  /**
   * The same with what is to be said about that point.
   *
   * @param origin what the engine was built on
   */
  public PrivateTrainer(
      GradientEngine engine, OptimizerOptions options, NoiseFactory noise, TrainingOrigin origin) {
    this(engine, engine.layout(), engine.initialParameters(), options, noise, origin);
  }

  /**
   * A trainer for sums that are taken elsewhere.
   *
   * @param layout of what is trained
   * @param initialParameters its public starting point
   * @param origin what is to be said about that point
   */
  public PrivateTrainer(
      ParameterLayout layout,
      float[] initialParameters,
      OptimizerOptions options,
      NoiseFactory noise,
      TrainingOrigin origin) {
    this(/* engine= */ null, layout, initialParameters, options, noise, origin);
  }

  private PrivateTrainer(
      GradientEngine engine,
      ParameterLayout layout,
      float[] initialParameters,
      OptimizerOptions options,
      NoiseFactory noise,
      TrainingOrigin origin) {
    this.engine = engine;
    this.optimizer = options.optimizer();
    this.noise = noise;
    this.size = layout.size();
    this.updateNoise = new RoundNoise(noise, size);
    this.layoutDigest = layout.digest();
    this.origin = origin;
    this.state =
        new TrainerState(
            /* round= */ 0,
            /* executedRounds= */ 0,
            initialParameters,
            optimizer.initialState(size),
            layoutDigest,
            origin);
  }

  /** The model after the last completed round, also while another is running. */
  public TrainerState state() {
    return state;
  }

  /**
   * Continues from a snapshot, exactly.
   *
   * @throws IllegalArgumentException if it is of another model, another choice of what to train,
   *     another optimizer, or rests on other frozen tensors
   */
  public void restore(TrainerState snapshot) {
    if (snapshot.parameters().length != size) {
      throw new IllegalArgumentException(
          "the restored model must have %d elements, as the engine's layout says, but has %d; it is of another model or another choice of what to train"
              .formatted(size, snapshot.parameters().length));
    }
    if (!snapshot.layoutDigest().equals(TrainerState.UNKNOWN_LAYOUT)
        && !snapshot.layoutDigest().equals(layoutDigest)) {
      throw new IllegalArgumentException(
          "the restored model must be of the tensors that the job trains, whose layout has the SHA-256 %s, but is of as many elements of others, SHA-256 %s; train what the snapshot's job trained (training.parameters, training.lora.*), or start without its state"
              .formatted(layoutDigest, snapshot.layoutDigest()));
    }
    if (snapshot.origin().isKnown() && !snapshot.origin().equals(origin)) {
      throw new IllegalArgumentException(
          "the restored model must rest on the frozen tensors of the engine, and have begun where it says, '%s', but began at '%s'"
              .formatted(origin.sentence(), snapshot.origin().sentence()));
    }
    snapshot.optimizer().requireShape(optimizer.initialState(0).moments().size(), size);
    updateNoise.forget();
    state =
        new TrainerState(
            snapshot.round(),
            snapshot.executedRounds(),
            snapshot.parameters(),
            snapshot.optimizer(),
            layoutDigest,
            origin);
  }

  /**
   * Executes the granted round on this machine alone: takes the sum, and {@link #apply applies} it.
   *
   * @param grant a valid grant; what the round does is taken from it alone
   * @param slices the whole sample of the round, maybe empty
   * @throws IllegalArgumentException if the round is not later than the last executed one
   * @throws RoundInterruptedException if interrupted before the noise; the state is as before
   * @throws PublicFaultException if training diverged
   * @throws IllegalStateException if there is no engine, or it breaks its contract
   */
  public RoundOutcome step(Grant grant, List<PrivacySlice> slices) {
    if (engine == null) {
      throw new IllegalStateException("this trainer has no engine: give it sums, to apply");
    }
    requireLater(grant, state);
    long started = System.nanoTime();
    ClippedSum sum = engine.clippedSum(state.parameters(), slices, RoundGrid.of(grant.mechanism()));
    long summed = System.nanoTime();
    RoundOutcome outcome = apply(grant, sum);
    return outcome.withGradientNanos(summed - started);
  }

  /**
   * Executes the granted round on its sum: noise, division by M, one step.
   *
   * @param grant a valid grant
   * @param sum over the whole sample, at {@link #state}'s parameters; used up: the noise is added
   *     in place
   * @throws IllegalArgumentException if the round is not later than the last executed one
   * @throws RoundInterruptedException if interrupted before the noise; the state is as before
   * @throws PublicFaultException if training diverged
   * @throws IllegalStateException if the sum is of another size or bound
   */
  public RoundOutcome apply(Grant grant, ClippedSum sum) {
    TrainerState before = state;
    requireLater(grant, before);
    RoundGrid grid = RoundGrid.of(grant.mechanism());
    requireOf(grid, sum);
    RoundInterruptedException.throwIfInterrupted();
    long started = System.nanoTime();
    long[] noisy = sum.sum();
    updateNoise.addTo(noisy, grant);
    long noised = System.nanoTime();
    // from here on everything is a function of what was noised
    double[] gradient = new double[size];
    double divisor = grant.mechanism().expectedUnits();
    for (int i = 0; i < gradient.length; i++) {
      gradient[i] = grid.sum().value(noisy[i]) / divisor;
    }
    Optimizer.Step step =
        optimizer.step(before.parameters(), before.optimizer(), gradient, before.executedRounds());
    requireFinite(step.parameters(), grant.round());
    List<Double> answer =
        grid.bits() == null ? List.of() : List.of(nextClipNorm(grant.mechanism(), sum));
    // from here on nothing fails, and the round counts as one whose noise is out
    updateNoise.completed(grant);
    state =
        new TrainerState(
            grant.round(),
            before.executedRounds() + 1,
            step.parameters(),
            step.state(),
            layoutDigest,
            origin);
    return new RoundOutcome(
        state,
        RoundOutcome.Statistics.of(sum),
        new RoundOutcome.Timing(
            /* gradientNanos= */ 0, noised - started, System.nanoTime() - noised),
        answer);
  }

  /**
   * Derives it from the same sample as the update, so it is one mechanism with it: see {@link
   * AdaptiveClipping}.
   */
  private double nextClipNorm(RoundMechanism mechanism, ClippedSum clipped) {
    long[] bits = {clipped.centredBits()};
    noise.create().addTo(bits);
    return mechanism
        .adaptiveClipping()
        .orElseThrow()
        .next(
            mechanism.clipNorm(), clipped.grid().bits().value(bits[0]), mechanism.expectedUnits());
  }

  /**
   * Executes a granted round that measures and does not train: the model stays as it is, and the
   * round counts as executed.
   */
  public RoundOutcome measured(Grant grant, List<Double> answer, long nanos) {
    TrainerState before = state;
    requireLater(grant, before);
    state =
        new TrainerState(
            grant.round(),
            before.executedRounds(),
            before.parameters(),
            before.optimizer(),
            layoutDigest,
            origin);
    return new RoundOutcome(
        state,
        RoundOutcome.Statistics.NONE,
        new RoundOutcome.Timing(nanos, /* noiseNanos= */ 0, /* updateNanos= */ 0),
        answer);
  }

  private static void requireLater(Grant grant, TrainerState before) {
    if (grant.round() <= before.round()) {
      throw new IllegalArgumentException(
          "round %d was granted but round %d is already executed; a round is executed once, ever"
              .formatted(grant.round(), before.round()));
    }
  }

  /** The sum brings its own bound, so that noise and sum cannot disagree. */
  private void requireOf(RoundGrid grid, ClippedSum clipped) {
    if (!clipped.grid().equals(grid)) {
      throw new IllegalStateException(
          "the engine's sum must be bounded by the granted %s but states %s"
              .formatted(grid, clipped.grid()));
    }
    if (clipped.sum().length != size) {
      throw new IllegalStateException(
          "the engine's sum must have %d elements, as its layout says, but has %d"
              .formatted(size, clipped.sum().length));
    }
  }

  /** A function of the noisy model, so that failing here reveals nothing that is not released. */
  private static void requireFinite(float[] parameters, long round) {
    for (float parameter : parameters) {
      if (!Float.isFinite(parameter)) {
        throw new PublicFaultException(
            "training diverged in round %d: a parameter is %s; lower the learning rate and restore from a release"
                .formatted(round, parameter));
      }
    }
  }
}
