package io.murmuration.training;

/** Grows into a {@link ClippedSum}. */
final class ClippedAccumulator {

  private final double[] sum;
  private final double clipNorm;
  private long slices;
  private long clipped;
  private long zeroed;
  private long tokens;
  private double centredBits;
  private double lossSum;

  ClippedAccumulator(int size, double clipNorm) {
    this.sum = new double[size];
    this.clipNorm = clipNorm;
  }

  double clipNorm() {
    return clipNorm;
  }

  /** Counts a slice that contributes zero. */
  void addZero() {
    slices++;
    zeroed++;
  }

  /** Counts a slice whose gradient is added with this factor, which is not 0. */
  void count(double factor, long trainedTokens, double loss) {
    slices++;
    clipped += factor < 1 ? 1 : 0;
    centredBits += SliceClipping.unclippedBit(factor) - 0.5;
    tokens += trainedTokens;
    lossSum += loss;
  }

  /** Adds values into the sum, from an offset on. */
  void addTo(int offset, double[] values) {
    for (int i = 0; i < values.length; i++) {
      sum[offset + i] += values[i];
    }
  }

  /** Adds another accumulator. */
  void add(ClippedAccumulator other) {
    addTo(0, other.sum);
    slices += other.slices;
    clipped += other.clipped;
    zeroed += other.zeroed;
    tokens += other.tokens;
    centredBits += other.centredBits;
    lossSum += other.lossSum;
  }

  ClippedSum result() {
    return new ClippedSum(sum, clipNorm, slices, clipped, zeroed, tokens, centredBits, lossSum);
  }
}
