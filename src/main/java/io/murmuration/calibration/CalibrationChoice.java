package io.murmuration.calibration;

import io.murmuration.planning.BoundChoice;
import io.murmuration.planning.BoundPrediction;
import io.murmuration.planning.CountDistribution;
import io.murmuration.planning.NoisePrediction;
import io.murmuration.planning.PlanningTerms;
import io.murmuration.planning.RoundDuration;
import io.murmuration.privacy.accounting.MixtureOfGaussians;
import io.murmuration.privacy.accounting.PldAccountant;
import io.murmuration.privacy.accounting.PrivacyLoss;
import io.murmuration.privacy.ledger.LedgerRecord.Option;
import io.murmuration.privacy.mechanism.RoundMechanism;
import io.murmuration.privacy.mechanism.RoundQuery;
import io.murmuration.privacy.mechanism.RoundQuery.CountHistogram;
import io.murmuration.privacy.mechanism.RoundQuery.ModelUpdate;
import io.murmuration.privacy.mechanism.RoundQuery.NormHistograms;
import io.murmuration.privacy.mechanism.Sampler;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.concurrent.ConcurrentHashMap;

/**
 * Derives the mechanism of training from noised histograms. Post-processing: it costs no privacy,
 * whatever it does, and it always has an answer.
 *
 * <p><b>ULS.</b> C(G) is the quantile of the norms at each candidate; the candidate of the least
 * predicted noise σ(G)·C(G)·G/B is the bound, its C(G) the clip norm ({@link BoundChoice}).
 *
 * <p><b>ELS.</b> The bound of a window is the median count, at most what pools keep; the bound G is
 * that times the live windows. Expected batch and p follow from the noised counts.
 *
 * <table>
 * <caption>Edge cases</caption>
 * <tr><td>a histogram of norms has nothing but noise</td><td>the middle of its range</td></tr>
 * <tr><td>the histogram of counts has nothing but noise</td><td>bound 1 a window</td></tr>
 * <tr><td>ELS: pools too small for the compute, p would exceed 1</td><td>p = 1, and a batch of
 *     what the pools are expected to hold</td></tr>
 * <tr><td>ELS, jointly reserved: p is not on the grid</td><td>the next lower one that is, and a
 *     batch of what the pools then give</td></tr>
 * <tr><td>ULS: a candidate whose cohort would exceed the population</td><td>is not chosen</td></tr>
 * </table>
 *
 * <p>Thread-safe.
 */
public final class CalibrationChoice {

  private final CalibrationTerms terms;
  private final PldAccountant accountant = new PldAccountant();
  private final Map<PrivacyLoss, List<BoundPrediction>> atUnitNorm = new ConcurrentHashMap<>();

  /**
   * @throws IllegalArgumentException if ULS has no candidate whose cohort fits into the population,
   *     or a bound of ELS could be larger than the accountant takes
   */
  public CalibrationChoice(CalibrationTerms terms) {
    this.terms = terms;
    if (terms.sampler() == Sampler.ULS
        && terms.norms().groupSizes().stream().noneMatch(this::isFeasible)) {
      throw new IllegalArgumentException(
          "of the candidates %s at least one must be %s or more, or the expected cohort exceeds the population; lower the compute"
              .formatted(terms.norms().groupSizes(), terms.compute() / terms.population()));
    }
    if (terms.sampler() == Sampler.ELS) {
      requireAccountable(terms);
    }
  }

  private static void requireAccountable(CalibrationTerms terms) {
    List<Integer> bounds = terms.counts().upperBounds();
    long largest = (long) bounds.get(bounds.size() - 1) * terms.windows();
    if (largest > MixtureOfGaussians.MAX_GROUP_SIZE) {
      throw new IllegalArgumentException(
          "example-level sampling accounts for pools of at most %d examples but they could hold %d; keep fewer examples a window, or fewer windows"
              .formatted(MixtureOfGaussians.MAX_GROUP_SIZE, largest));
    }
  }

  private boolean isFeasible(int groupSize) {
    return terms.compute() / groupSize <= terms.population();
  }

  /**
   * The mechanism of a phase of training that reserves for itself.
   *
   * @param answers the noised numbers of each of the terms' queries
   * @param share what the phase reserves
   */
  public RoundMechanism mechanism(Map<RoundQuery, List<Double>> answers, PrivacyLoss share) {
    RoundMechanism chosen =
        switch (terms.sampler()) {
          case ULS -> userLevel(answers.get(terms.norms()), share);
          case ELS -> exampleLevel(answers, share);
        };
    return withQuery(chosen);
  }

  private RoundMechanism withQuery(RoundMechanism chosen) {
    return new RoundMechanism(
        chosen.sampler(),
        chosen.samplingProbability(),
        chosen.groupSize(),
        chosen.noiseMultiplier(),
        chosen.clipNorm(),
        chosen.expectedUnits(),
        terms.adaptive() == null
            ? RoundQuery.UPDATE
            : new ModelUpdate(
                terms.adaptive().in(chosen.noiseMultiplier(), chosen.expectedUnits())));
  }

  /**
   * What training may be, all that the accountant looks at but the noise: public and finite. ULS:
   * each feasible candidate. ELS: each bound that bins of counts can give, with each p on the grid
   * 1, ½, ¼, … that pools of so many windows can give.
   *
   * @param noiseMultiplier of all of them
   */
  List<Option> options(double noiseMultiplier) {
    List<Option> options = new ArrayList<>();
    if (terms.sampler() == Sampler.ULS) {
      for (int groupSize : terms.norms().groupSizes()) {
        if (isFeasible(groupSize)) {
          options.add(
              option(terms.compute() / groupSize / terms.population(), groupSize, noiseMultiplier));
        }
      }
      return options;
    }
    for (int perWindow : terms.counts().upperBounds()) {
      int groupSize = perWindow * terms.windows();
      int last = gridStep(probability(groupSize));
      for (int step = gridStep(probability(terms.windows())); step <= last; step++) {
        options.add(option(onGrid(step), groupSize, noiseMultiplier));
      }
    }
    return options;
  }

  /**
   * What the domain's rounds may have to do, whatever is chosen, for a population as planned:
   * training in each of its options, and the measurement of norms, where each user that takes part
   * is looked at once for each candidate. Counting takes no gradients.
   */
  public List<RoundDuration.Load> loads() {
    List<RoundDuration.Load> loads = new ArrayList<>();
    for (Option option : options(/* noiseMultiplier= */ 1)) {
      int group = option.groupSize();
      loads.add(
          option.sampler() == Sampler.ULS
              ? new RoundDuration.Load("training", terms.compute() / group, group)
              : new RoundDuration.Load(
                  "training",
                  terms.compute(),
                  /* examplesPerUnit= */ 1,
                  1 + group * option.samplingProbability()));
    }
    if (terms.norms() != null) {
      int examples = terms.norms().groupSizes().stream().mapToInt(Integer::intValue).sum();
      loads.add(
          new RoundDuration.Load(
              "measuring norms", terms.normSampling() * terms.population(), examples));
    }
    return loads;
  }

  private Option option(double probability, int groupSize, double noiseMultiplier) {
    return new Option(
        terms.sampler(), probability, groupSize, noiseMultiplier, terms.trainingRounds());
  }

  /** The p with which pools of so many examples on average give the compute, at most 1. */
  private double probability(double poolMean) {
    return Math.min(1, terms.compute() / (terms.population() * poolMean));
  }

  /** The step of the largest p on the grid that is at most this one. */
  private static int gridStep(double probability) {
    // 2^e ≤ p < 2^(e+1)
    return -Math.getExponent(probability);
  }

  private static double onGrid(int step) {
    return Math.scalb(1.0, -step);
  }

  /**
   * The mechanism of a phase of training, one of the options.
   *
   * @param answers the noised numbers of each of the terms' queries
   * @param options as {@link #options} lists them, with the noise that was reserved
   */
  RoundMechanism mechanism(Map<RoundQuery, List<Double>> answers, List<Option> options) {
    return switch (terms.sampler()) {
      case ULS -> withQuery(userLevel(answers.get(terms.norms()), options));
      case ELS -> withQuery(exampleLevel(answers, options));
    };
  }

  private RoundMechanism userLevel(List<Double> answer, List<Option> options) {
    List<Double> norms = norms(terms.norms(), answer, terms.normQuantile());
    return BoundChoice.leastNoise(
            options.stream()
                .map(
                    option ->
                        BoundPrediction.of(
                            new RoundMechanism(
                                Sampler.ULS,
                                option.samplingProbability(),
                                option.groupSize(),
                                option.noiseMultiplier(),
                                norms.get(terms.norms().groupSizes().indexOf(option.groupSize())),
                                terms.compute() / option.groupSize())))
                .toList())
        .orElseThrow()
        .mechanism();
  }

  private RoundMechanism exampleLevel(Map<RoundQuery, List<Double>> answers, List<Option> options) {
    List<Double> counts = answers.get(terms.counts());
    int perWindow = medianCount(terms.counts(), counts);
    int groupSize = perWindow * terms.windows();
    double poolMean = terms.windows() * meanKept(counts, perWindow);
    double probability =
        onGrid(
            Math.min(
                gridStep(probability(groupSize)),
                Math.max(gridStep(probability(terms.windows())), gridStep(probability(poolMean)))));
    Option option =
        options.stream()
            .filter(one -> one.groupSize() == groupSize && one.samplingProbability() == probability)
            .findFirst()
            .orElseThrow();
    return new RoundMechanism(
        Sampler.ELS,
        probability,
        groupSize,
        option.noiseMultiplier(),
        exampleNorm(answers),
        probability * terms.population() * poolMean);
  }

  private double exampleNorm(Map<RoundQuery, List<Double>> answers) {
    return terms.norms() == null
        ? terms.clipNorm()
        : norms(terms.norms(), answers.get(terms.norms()), terms.normQuantile()).get(0);
  }

  private PlanningTerms planning(PrivacyLoss share, double compute) {
    return new PlanningTerms(
        terms.population(), compute, terms.trainingRounds(), share.epsilon(), share.delta());
  }

  private RoundMechanism userLevel(List<Double> answer, PrivacyLoss share) {
    List<Double> norms = norms(terms.norms(), answer, terms.normQuantile());
    List<BoundPrediction> predictions = new ArrayList<>();
    for (BoundPrediction unit : atUnitNorm.computeIfAbsent(share, this::predictAtUnitNorm)) {
      double norm = norms.get(terms.norms().groupSizes().indexOf(unit.groupSize()));
      predictions.add(
          new BoundPrediction(unit.mechanism().withClipNorm(norm), unit.noise() * norm));
    }
    return BoundChoice.leastNoise(predictions).orElseThrow().mechanism();
  }

  /** The noise multiplier of each candidate does not depend on what is measured. */
  private List<BoundPrediction> predictAtUnitNorm(PrivacyLoss share) {
    return new BoundChoice(accountant)
        .userLevelPredictions(
            planning(share, terms.compute()), terms.norms().groupSizes(), groupSize -> 1);
  }

  /**
   * C(G) at each candidate.
   *
   * @param answer the noised histograms, one behind the other
   * @param quantile in (0, 1)
   */
  public static List<Double> norms(NormHistograms query, List<Double> answer, double quantile) {
    List<Double> norms = new ArrayList<>();
    for (int candidate = 0; candidate < query.groupSizes().size(); candidate++) {
      NoisyHistogram histogram =
          NoisyHistogram.of(
              answer.subList(candidate * query.bins(), (candidate + 1) * query.bins()));
      double position =
          histogram.isEmpty() ? (query.bins() - 1) / 2.0 : histogram.positionOfQuantile(quantile);
      norms.add(NormHistogram.normAt(query, position));
    }
    return norms;
  }

  /** The median count of a window: the end of the bin that holds the median. */
  public static int medianCount(CountHistogram query, List<Double> answer) {
    NoisyHistogram histogram = NoisyHistogram.of(answer);
    return query.upperBounds().get(histogram.isEmpty() ? 0 : histogram.binOfQuantile(0.5));
  }

  private RoundMechanism exampleLevel(Map<RoundQuery, List<Double>> answers, PrivacyLoss share) {
    double clipNorm = exampleNorm(answers);
    List<Double> counts = answers.get(terms.counts());
    int perWindow = medianCount(terms.counts(), counts);
    int groupSize = perWindow * terms.windows();
    double poolMean = terms.windows() * meanKept(counts, perWindow);
    NoisePrediction prediction = new NoisePrediction(accountant);
    Optional<BoundPrediction> chosen =
        prediction.exampleLevel(planning(share, terms.compute()), groupSize, poolMean, clipNorm);
    double wholePools = terms.population() * poolMean;
    return chosen
        .or(
            () ->
                prediction.exampleLevel(
                    planning(share, Math.nextDown(wholePools)), groupSize, poolMean, clipNorm))
        .orElseThrow()
        .mechanism();
  }

  private double meanKept(List<Double> counts, int perWindow) {
    NoisyHistogram histogram = NoisyHistogram.of(counts);
    if (histogram.isEmpty()) {
      return 1;
    }
    Map<Integer, Double> weights = new TreeMap<>();
    for (int bin = 0; bin < terms.counts().upperBounds().size(); bin++) {
      weights.put(terms.counts().upperBounds().get(bin), histogram.weight(bin));
    }
    return CountDistribution.ofWeights(weights).meanKept(perWindow);
  }
}
