package io.murmuration.model;

import java.util.Optional;

/**
 * Rotary position embedding in the half-split form: dimension i is rotated with dimension i + d/2
 * by the angle position · frequency(i).
 *
 * @param theta base of the frequencies: frequency(i) = theta^(−2i/d) before scaling
 * @param scaling how frequencies are lowered for longer contexts
 * @see <a href="https://arxiv.org/abs/2104.09864">Su et al., RoFormer</a>
 */
public record RotaryEmbedding(double theta, Optional<Scaling> scaling) {

  /** A change of frequencies. */
  public sealed interface Scaling permits LinearScaling, Llama3Scaling {

    /** The scaled frequency, in radians per position. */
    double apply(double frequency);
  }

  /** All frequencies divided by the same factor. */
  public record LinearScaling(double factor) implements Scaling {

    @Override
    public double apply(double frequency) {
      return frequency / factor;
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
    public double apply(double frequency) {
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

  /** Frequencies of one head, radians per position, {@code headDim / 2} of them. */
  double[] frequencies(int headDim) {
    double[] frequencies = new double[headDim / 2];
    for (int i = 0; i < frequencies.length; i++) {
      double frequency = Math.pow(theta, -2.0 * i / headDim);
      frequencies[i] = scaling.map(s -> s.apply(frequency)).orElse(frequency);
    }
    return frequencies;
  }

  /**
   * cos for each (position, dimension), row-major, times {@code scale}; both halves carry the same.
   *
   * @param first the first position of the table
   */
  float[] cosines(int first, int positions, int headDim, double scale) {
    return table(first, positions, headDim, scale, scale, true);
  }

  /**
   * sin for each (position, dimension), row-major, times {@code scale}, negated in the first half:
   * the rotation is then x·cos + swapHalves(x)·sin.
   *
   * @param first the first position of the table
   */
  float[] sines(int first, int positions, int headDim, double scale) {
    return table(first, positions, headDim, -scale, scale, false);
  }

  private float[] table(
      int first, int positions, int headDim, double firstHalf, double secondHalf, boolean cosine) {
    double[] frequencies = frequencies(headDim);
    int half = frequencies.length;
    float[] table = new float[positions * headDim];
    for (int p = 0; p < positions; p++) {
      for (int i = 0; i < half; i++) {
        double angle = (first + p) * frequencies[i];
        double value = cosine ? Math.cos(angle) : Math.sin(angle);
        table[p * headDim + i] = (float) (firstHalf * value);
        table[p * headDim + half + i] = (float) (secondHalf * value);
      }
    }
    return table;
  }
}
