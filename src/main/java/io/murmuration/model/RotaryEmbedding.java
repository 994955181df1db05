package io.murmuration.model;

import java.util.Arrays;
import java.util.List;
import java.util.Optional;

/**
 * Rotary position embedding in the half-split form: of the first d dimensions of a head, dimension
 * i is rotated with dimension i + d/2 by the angle position · frequency(i).
 *
 * @param theta base of the frequencies: frequency(i) = theta^(−2i/d) before scaling
 * @param share of a head's dimensions that is rotated, in (0, 1]; the others stay as they are
 * @param scaling how frequencies are lowered for longer contexts
 * @see <a href="https://arxiv.org/abs/2104.09864">Su et al., RoFormer</a>
 */
public record RotaryEmbedding(double theta, double share, Optional<Scaling> scaling) {

  /** A change of frequencies. */
  public sealed interface Scaling
      permits LinearScaling, Llama3Scaling, YarnScaling, LongRopeScaling {

    /**
     * The scaled frequencies, in radians per position.
     *
     * @param frequencies of one head before scaling, falling
     * @param length of the sequence, in positions
     */
    double[] apply(double theta, double[] frequencies, int length);

    /**
     * The longest sequence that is rotated as all shorter ones are; longer ones are rotated
     * otherwise, and all alike.
     */
    default int border() {
      return Integer.MAX_VALUE;
    }

    /** What rotated vectors are multiplied with. */
    default double factorOfVectors() {
      return 1;
    }
  }

  /** All frequencies divided by the same factor. */
  public record LinearScaling(double factor) implements Scaling {

    @Override
    public double[] apply(double theta, double[] frequencies, int length) {
      return Arrays.stream(frequencies).map(frequency -> frequency / factor).toArray();
    }
  }

  /**
   * Llama 3.1: wavelengths beyond {@code originalContext / lowFrequencyFactor} are stretched by
   * {@code factor}, those below {@code originalContext / highFrequencyFactor} kept, those between
   * interpolated.
   */
  public record Llama3Scaling(
      double factor, double lowFrequencyFactor, double highFrequencyFactor, double originalContext)
      implements Scaling {

    @Override
    public double[] apply(double theta, double[] frequencies, int length) {
      return Arrays.stream(frequencies).map(this::scaled).toArray();
    }

    private double scaled(double frequency) {
      double wavelength = 2 * Math.PI / frequency;
      if (wavelength < originalContext / highFrequencyFactor) {
        return frequency;
      }
      if (wavelength > originalContext / lowFrequencyFactor) {
        return frequency / factor;
      }
      double smooth =
          (originalContext / wavelength - lowFrequencyFactor)
              / (highFrequencyFactor - lowFrequencyFactor);
      return (1 - smooth) * frequency / factor + smooth * frequency;
    }
  }

  /**
   * YaRN: dimensions that turn more than {@code betaFast} times within {@code originalContext} are
   * kept, those that turn less than {@code betaSlow} times are slowed by {@code factor}, those
   * between are interpolated, linearly in the dimension.
   *
   * @param vectors what rotated queries and keys are multiplied with
   * @param wholeBorders whether both borders are moved outwards to whole dimensions
   * @see <a href="https://arxiv.org/abs/2309.00071">Peng et al., YaRN</a>
   */
  public record YarnScaling(
      double factor,
      double originalContext,
      double betaFast,
      double betaSlow,
      double vectors,
      boolean wholeBorders)
      implements Scaling {

    /** The factor of vectors that the paper suggests. */
    static double suggestedVectors(double factor) {
      return 0.1 * Math.log(factor) + 1;
    }

    @Override
    public double[] apply(double theta, double[] frequencies, int length) {
      int width = 2 * frequencies.length;
      double low = border(theta, width, betaFast);
      double high = border(theta, width, betaSlow);
      if (wholeBorders) {
        low = Math.floor(low);
        high = Math.ceil(high);
      }
      low = Math.max(low, 0);
      high = Math.min(high, width - 1);
      double wide = high == low ? 0.001 : high - low;
      double[] scaled = new double[frequencies.length];
      for (int i = 0; i < scaled.length; i++) {
        double slowed = Math.max(0, Math.min(1, (i - low) / wide));
        scaled[i] = frequencies[i] * (1 - slowed) + frequencies[i] / factor * slowed;
      }
      return scaled;
    }

    /** The dimension, not rounded, that turns so often within the original context. */
    private double border(double theta, int width, double turns) {
      return width * Math.log(originalContext / (turns * 2 * Math.PI)) / (2 * Math.log(theta));
    }

    @Override
    public double factorOfVectors() {
      return vectors;
    }
  }

  /**
   * LongRoPE: every frequency over a factor of its own, which is another one in sequences that are
   * longer than what a model was first trained with.
   *
   * @param shortFactors of the frequencies, in their order, up to that length
   * @param longFactors beyond it
   * @param originalContext that length, in positions
   * @param vectors what rotated queries and keys are multiplied with, at any length
   * @see <a href="https://arxiv.org/abs/2402.13753">Ding et al., LongRoPE</a>
   */
  public record LongRopeScaling(
      List<Double> shortFactors, List<Double> longFactors, int originalContext, double vectors)
      implements Scaling {

    public LongRopeScaling {
      shortFactors = List.copyOf(shortFactors);
      longFactors = List.copyOf(longFactors);
    }

    /**
     * The factor of vectors that the paper suggests.
     *
     * @param longer the whole context over the original one
     */
    static double suggestedVectors(double longer, double originalContext) {
      return longer <= 1 ? 1 : Math.sqrt(1 + Math.log(longer) / Math.log(originalContext));
    }

    @Override
    public double[] apply(double theta, double[] frequencies, int length) {
      List<Double> factors = length > originalContext ? longFactors : shortFactors;
      double[] scaled = frequencies.clone();
      for (int i = 0; i < scaled.length; i++) {
        scaled[i] /= factors.get(i);
      }
      return scaled;
    }

    @Override
    public int border() {
      return originalContext;
    }

    @Override
    public double factorOfVectors() {
      return vectors;
    }
  }

  /** How many dimensions of a head are rotated. */
  int rotated(int headDim) {
    return (int) (headDim * share);
  }

  /** See {@link Scaling#border}. */
  int border() {
    return scaling.map(Scaling::border).orElse(Integer.MAX_VALUE);
  }

  /**
   * Frequencies of one head, radians per position, half as many as dimensions are rotated.
   *
   * @param length of the sequence
   */
  double[] frequencies(int headDim, int length) {
    int rotated = rotated(headDim);
    double[] frequencies = new double[rotated / 2];
    for (int i = 0; i < frequencies.length; i++) {
      frequencies[i] = Math.pow(theta, -2.0 * i / rotated);
    }
    return scaling.map(s -> s.apply(theta, frequencies, length)).orElse(frequencies);
  }

  /**
   * cos for each (position, dimension), row-major, times {@code scale}; both halves carry the same,
   * and what is not rotated 1.
   *
   * @param first the first position of the table
   * @param length of the sequence that they are positions of
   */
  float[] cosines(int first, int positions, int headDim, double scale, int length) {
    return table(first, positions, headDim, scale, scale, true, length);
  }

  /**
   * sin for each (position, dimension), row-major, times {@code scale}, negated in the first half,
   * and 0 for what is not rotated: the rotation is then x·cos + swapHalves(x)·sin.
   *
   * @param first the first position of the table
   * @param length of the sequence that they are positions of
   */
  float[] sines(int first, int positions, int headDim, double scale, int length) {
    return table(first, positions, headDim, -scale, scale, false, length);
  }

  private float[] table(
      int first,
      int positions,
      int headDim,
      double firstHalf,
      double secondHalf,
      boolean cosine,
      int length) {
    double[] frequencies = frequencies(headDim, length);
    double vectors = scaling.map(Scaling::factorOfVectors).orElse(1.0);
    int half = frequencies.length;
    float[] table = new float[positions * headDim];
    for (int p = 0; p < positions; p++) {
      for (int i = 0; i < half; i++) {
        double angle = (first + p) * frequencies[i];
        double value = vectors * (cosine ? Math.cos(angle) : Math.sin(angle));
        table[p * headDim + i] = (float) (firstHalf * value);
        table[p * headDim + half + i] = (float) (secondHalf * value);
      }
      for (int i = 2 * half; i < headDim; i++) {
        table[p * headDim + i] = cosine ? (float) firstHalf : 0;
      }
    }
    return table;
  }
}
