package io.murmuration.privacy.accounting;

import java.util.concurrent.TimeUnit;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Fork;
import org.openjdk.jmh.annotations.Measurement;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.Warmup;

/** How long the accountant's questions take at the default precision. */
@State(Scope.Benchmark)
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.MILLISECONDS)
@Fork(1)
@Warmup(iterations = 3, time = 2)
@Measurement(iterations = 5, time = 2)
public class AccountantBenchmark {

  private final PldAccountant accountant = new PldAccountant();
  private final NoiseCalibration calibration = new NoiseCalibration(accountant);
  private final PhaseAccountant phase =
      PldPhaseAccountant.forPhase(Mechanism.uls(0.01, 1), 8, 1e-6);
  private long charged;

  /** ULS, q 0.01, σ 1, 1,000 rounds. */
  @Benchmark
  public double epsilonOfUserLevelSampling() {
    return accountant.epsilon(Mechanism.uls(0.01, 1), 1000, 1e-6);
  }

  /** ELS, p 0.01, G 8, σ 1, 1,000 rounds. */
  @Benchmark
  public double epsilonOfExampleLevelSampling() {
    return accountant.epsilon(Mechanism.els(0.01, 8, 1), 1000, 1e-6);
  }

  /** The noise for q 0.1, 512 rounds, ε 1. */
  @Benchmark
  public double calibrateNoise() {
    return calibration.noiseMultiplier(Mechanism.uls(0.1, 1), 512, 1, 1e-6);
  }

  /** The rounds for q 0.1, σ 3, ε 2. */
  @Benchmark
  public long calibrateRounds() {
    return calibration.rounds(Mechanism.uls(0.1, 3), 2, 1e-6);
  }

  /** The decision before a round. */
  @Benchmark
  @OutputTimeUnit(TimeUnit.NANOSECONDS)
  public boolean admitRound() {
    return phase.admits(charged++);
  }
}
