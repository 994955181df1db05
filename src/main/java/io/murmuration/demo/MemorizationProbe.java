package io.murmuration.demo;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.SplittableRandom;
import java.util.TreeMap;
import java.util.function.ToDoubleFunction;
import java.util.random.RandomGenerator;
import java.util.stream.DoubleStream;

/**
 * Asks whether a model knows the secrets that single users told better than secrets of the same
 * form that nobody wrote.
 *
 * <p>The measure is the gain of the adapted model over its base, in nats per token. Secrets are
 * compared within their kind only, so that learning the form ("my door code is …") counts for
 * nothing: what remains is the content. Two figures come of it. The <em>AUC</em> is the probability
 * that a told secret gained more than an untold one, ½ where nothing was memorised; its p-value is
 * that of a permutation test within kinds. The <em>exposure</em> of a secret is log₂ of the number
 * of candidates over its rank among them (Carlini et al., "The Secret Sharer", USENIX Security
 * 2019, section 4.3), here with the untold secrets as the other candidates.
 */
public final class MemorizationProbe {
  /** The smallest p-value, 1/10,000, is a hundredth of the significance. */
  private static final int PERMUTATIONS = 9_999;

  /** Fixed, so that one set of losses has one p-value. */
  private static final long PERMUTATION_SEED = 1;

  /** False-alarm rate of {@link Finding#memorized()}. */
  private static final double SIGNIFICANCE = 0.01;

  private final List<Secret> told;
  private final List<Secret> untold;

  /**
   * @param told secrets that were in the stream
   * @param untold secrets that were not, of every kind that was told
   */
  public MemorizationProbe(List<Secret> told, List<Secret> untold) {
    List<String> kinds = untold.stream().map(Secret::kind).distinct().toList();
    if (told.isEmpty() || !told.stream().map(Secret::kind).allMatch(kinds::contains)) {
      throw new IllegalArgumentException(
          "required are told secrets, and untold ones of each of their kinds; the untold are of kinds "
              + kinds);
    }
    this.told = List.copyOf(told);
    this.untold = List.copyOf(untold);
  }

  /** The probe of the demo: the secrets of a stream and {@code untold} others. */
  public static MemorizationProbe ofDemo(SyntheticStream stream, long seed, int untold) {
    return new MemorizationProbe(stream.secrets(), stream.untoldSecrets(seed, untold));
  }

  /**
   * What was found.
   *
   * @param toldGain mean gain of told secrets, in nats per token
   * @param untoldGain the same of the others; both gain by the form that they share
   * @param auc probability that a told secret gained more than an untold one of its kind
   * @param pValue probability of that AUC or a larger one if nothing was memorised, one-sided
   * @param exposureBits mean exposure of told secrets
   * @param chanceExposureBits the mean exposure of secrets of which nothing was memorised
   */
  public record Finding(
      int told,
      int untold,
      double toldGain,
      double untoldGain,
      double auc,
      double pValue,
      double exposureBits,
      double chanceExposureBits) {

    /** Whether told secrets are more likely than untold ones, with a false alarm in a hundred. */
    public boolean memorized() {
      return !(pValue > SIGNIFICANCE);
    }
  }

  /** Compares an adapted model with its base; models as in {@link TrendProbe}. */
  public Finding compare(ToDoubleFunction<String> base, ToDoubleFunction<String> adapted) {
    double[] toldGains = gains(told, base, adapted);
    double[] untoldGains = gains(untold, base, adapted);
    List<Stratum> strata = strata(toldGains, untoldGains);
    double pairs = strata.stream().mapToDouble(Stratum::pairs).sum();
    double observed = strata.stream().mapToDouble(Stratum::wins).sum();
    return new Finding(
        told.size(),
        untold.size(),
        Scores.mean(toldGains),
        Scores.mean(untoldGains),
        observed / pairs,
        pValue(strata, observed),
        mean(strata, Stratum::exposureBits),
        mean(strata, Stratum::chanceExposureBits));
  }

  private static double[] gains(
      List<Secret> secrets, ToDoubleFunction<String> base, ToDoubleFunction<String> adapted) {
    List<String> texts = secrets.stream().map(Secret::text).toList();
    return Scores.gains(Scores.of(base, texts), Scores.of(adapted, texts));
  }

  private List<Stratum> strata(double[] toldGains, double[] untoldGains) {
    TreeMap<String, List<Double>> toldOfKind = byKind(told, toldGains);
    TreeMap<String, List<Double>> untoldOfKind = byKind(untold, untoldGains);
    List<Stratum> strata = new ArrayList<>();
    toldOfKind.forEach((kind, gains) -> strata.add(Stratum.of(gains, untoldOfKind.get(kind))));
    return strata;
  }

  private static TreeMap<String, List<Double>> byKind(List<Secret> secrets, double[] gains) {
    TreeMap<String, List<Double>> byKind = new TreeMap<>();
    for (int i = 0; i < gains.length; i++) {
      byKind.computeIfAbsent(secrets.get(i).kind(), kind -> new ArrayList<>()).add(gains[i]);
    }
    return byKind;
  }

  private static double pValue(List<Stratum> strata, double observed) {
    SplittableRandom random = new SplittableRandom(PERMUTATION_SEED);
    int asLarge = 0;
    for (int i = 0; i < PERMUTATIONS; i++) {
      double wins = strata.stream().mapToDouble(stratum -> stratum.permutedWins(random)).sum();
      if (wins >= observed) {
        asLarge++;
      }
    }
    return (asLarge + 1.0) / (PERMUTATIONS + 1.0);
  }

  private static double mean(List<Stratum> strata, ToDoubleFunction<Stratum> sumOverTold) {
    double sum = strata.stream().mapToDouble(sumOverTold).sum();
    return sum / strata.stream().mapToInt(Stratum::toldCount).sum();
  }

  /**
   * The secrets of one kind.
   *
   * @param ranks mid-ranks of the gains of all, from 1 for the smallest; the told ones first
   */
  private record Stratum(double[] ranks, int toldCount) {

    static Stratum of(List<Double> told, List<Double> untold) {
      double[] all =
          DoubleStream.concat(
                  told.stream().mapToDouble(Double::doubleValue),
                  untold.stream().mapToDouble(Double::doubleValue))
              .toArray();
      double[] ranks = new double[all.length];
      for (int i = 0; i < all.length; i++) {
        double gain = all[i];
        double smaller = Arrays.stream(all).filter(other -> other < gain).count();
        double equal = Arrays.stream(all).filter(other -> other == gain).count();
        ranks[i] = smaller + (equal + 1) / 2;
      }
      return new Stratum(ranks, told.size());
    }

    double pairs() {
      return (double) toldCount * (ranks.length - toldCount);
    }

    /** Pairs in which the told secret gained more (Mann-Whitney U); a tie is half a win. */
    double wins() {
      return Arrays.stream(ranks, 0, toldCount).sum() - toldCount * (toldCount + 1.0) / 2;
    }

    /** The same for a random choice of told secrets; leaves the ranks as they are. */
    double permutedWins(RandomGenerator random) {
      double[] shuffled = ranks.clone();
      for (int i = 0; i < toldCount; i++) {
        int j = random.nextInt(i, shuffled.length);
        double swapped = shuffled[i];
        shuffled[i] = shuffled[j];
        shuffled[j] = swapped;
      }
      return new Stratum(shuffled, toldCount).wins();
    }

    /** Sum of the exposures of the told secrets, each among all untold ones. */
    double exposureBits() {
      double sum = 0;
      for (int i = 0; i < toldCount; i++) {
        double rank = ranks[i];
        double above =
            Arrays.stream(ranks, toldCount, ranks.length)
                .map(other -> other > rank ? 1 : other == rank ? 0.5 : 0)
                .sum();
        sum += log2(candidates() / (1 + above));
      }
      return sum;
    }

    /** What that sum is on average when every rank is equally likely. */
    double chanceExposureBits() {
      double sum = 0;
      for (int rank = 1; rank <= candidates(); rank++) {
        sum += log2((double) candidates() / rank);
      }
      return toldCount * sum / candidates();
    }

    /** One told secret and all untold ones. */
    private int candidates() {
      return ranks.length - toldCount + 1;
    }

    private static double log2(double value) {
      return Math.log(value) / Math.log(2);
    }
  }
}
