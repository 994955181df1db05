package io.murmuration.audit;

import io.murmuration.privacy.audit.CanaryScores;
import io.murmuration.privacy.audit.LikelihoodScore;
import io.murmuration.privacy.audit.PrivacyProfile;
import io.murmuration.privacy.audit.ProfileGate;
import io.murmuration.privacy.audit.Thresholds;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.BitSet;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.IntFunction;
import java.util.function.IntToDoubleFunction;
import java.util.stream.IntStream;
import org.apache.commons.statistics.distribution.BinomialDistribution;
import org.apache.commons.statistics.distribution.ChiSquaredDistribution;
import org.apache.commons.statistics.distribution.NormalDistribution;
import org.apache.commons.statistics.distribution.TDistribution;

/**
 * All tests of one white-box run, none of which knows what is planted.
 *
 * <p>An honest run raises an alarm in any of them with probability {@link #FALSE_ALARM} at most:
 * each test has an equal share of it, and shares it among its own comparisons. Distributions are
 * exact, or of sums of so many terms that they are normal far beyond the limits.
 */
final class Battery {

  /** Of one build, which runs four honest pipelines. */
  static final double FALSE_ALARM_OF_A_BUILD = 1e-6;

  static final double FALSE_ALARM = FALSE_ALARM_OF_A_BUILD / 4;

  private static final int TESTS = 16;

  private static final NormalDistribution NORMAL = NormalDistribution.of(0, 1);

  /** How far apart coordinates or rounds are compared for whiteness. */
  private static final int LAGS = 32;

  private final AuditSetting setting;
  private final Canaries canaries;

  /** With mixtures of rounds for what the optimizer saw, where noise is correlated. */
  private final List<Execution> tape;

  private final double share;

  /** By canary, the turn that is the canary's. */
  private final int[] turns;

  /** Blank coordinates in units of the claimed noise, an execution a row. */
  private final double[][] blank;

  private Battery(AuditSetting setting, List<Execution> tape, double falseAlarm) {
    this.setting = setting;
    this.canaries = setting.canaries();
    this.share = falseAlarm / TESTS;
    this.turns = IntStream.range(0, canaries.size()).map(setting::turnOf).toArray();
    this.tape =
        IntStream.range(0, tape.size())
            .mapToObj(t -> tape.get(t).withNoisySum(mixture(tape, t)))
            .toList();
    double noise = setting.updateNoise();
    this.blank =
        this.tape.stream()
            .map(
                execution ->
                    Arrays.stream(execution.noisySum(), canaries.size(), canaries.coordinates())
                        .map(y -> y / noise)
                        .toArray())
            .toArray(double[][]::new);
  }

  /**
   * Judges a run.
   *
   * @param profile the claim for {@link AuditSetting#charged}
   */
  static List<Finding> judge(AuditSetting setting, List<Execution> tape, PrivacyProfile profile) {
    return judge(setting, tape, profile, FALSE_ALARM);
  }

  /**
   * The same with another probability of an alarm on an honest run.
   *
   * @param falseAlarm in (0, 1)
   */
  static List<Finding> judge(
      AuditSetting setting, List<Execution> tape, PrivacyProfile profile, double falseAlarm) {
    Battery battery = new Battery(setting, tape, falseAlarm);
    return List.of(
        battery.gate(profile),
        battery.noisePerRound(),
        battery.noiseOfAllRounds(),
        battery.noiseOfAbsentCanaries(),
        battery.repeatedNoise(),
        battery.whitenessOfCoordinates(),
        battery.whitenessOfRounds(),
        battery.fourthMoment(),
        battery.extremes(),
        battery.noiseOfBits(),
        battery.bitsAgainstUpdate(),
        battery.loudCanaries(),
        battery.quietCanaries(),
        battery.participation(),
        battery.coParticipation(),
        battery.samples());
  }

  // ---- rounds whose noise is correlated ----

  /**
   * C times what the optimizer saw: sums of sums, with independent noise of the deviation that is
   * claimed. C is that of the stretch of rounds that the noise has one memory of: those of an
   * attempt, without a gap.
   */
  private double[] mixture(List<Execution> seen, int t) {
    double[] mixture = new double[canaries.coordinates()];
    for (int lag = 0; lag < setting.bands() && follows(seen, t - lag, t); lag++) {
      double coefficient = setting.coefficient(lag);
      double[] sum = seen.get(t - lag).noisySum();
      for (int i = 0; i < mixture.length; i++) {
        mixture[i] += coefficient * sum[i];
      }
    }
    return mixture;
  }

  /** Whether noise of one execution goes on from that of an earlier one, by what is claimed. */
  private static boolean follows(List<Execution> seen, int earlier, int later) {
    return earlier >= 0
        && later < seen.size()
        && seen.get(earlier).epoch() == seen.get(later).epoch()
        && seen.get(later).round() - seen.get(earlier).round() == later - earlier;
  }

  /** The canary's own part of a round, with the noise of the rounds that it is mixed into. */
  private double matched(int canary, int t) {
    double sum = 0;
    double squares = 0;
    for (int lag = 0; lag < setting.bands() && follows(tape, t, t + lag); lag++) {
      double coefficient = setting.coefficient(lag);
      sum += coefficient * tape.get(t + lag).noisySum()[canary];
      squares += coefficient * coefficient;
    }
    return sum / squares;
  }

  private boolean isTurnOf(int canary, Execution execution) {
    return turns[canary] == setting.turnIn(execution.round());
  }

  /** The likelihood scores of the loud canaries, over all that was executed. */
  CanaryScores scores() {
    LikelihoodScore score = LikelihoodScore.of(setting.inTurn(setting.updateNoise()));
    double[] scores = new double[canaries.loud()];
    boolean[] included = new boolean[canaries.loud()];
    for (int canary = 0; canary < scores.length; canary++) {
      included[canary] = canaries.isIn(canary);
      for (int t = 0; t < tape.size(); t++) {
        if (isTurnOf(canary, tape.get(t))) {
          scores[canary] += score.of(matched(canary, t));
        }
      }
    }
    return new CanaryScores(scores, included);
  }

  static CanaryScores scores(AuditSetting setting, List<Execution> tape) {
    return new Battery(setting, tape, FALSE_ALARM).scores();
  }

  // ---- the claim ----

  private Finding gate(PrivacyProfile profile) {
    ProfileGate.Verdict verdict =
        ProfileGate.judge(scores(), Thresholds.forClaim(setting.epsilon()), profile, share);
    return new Finding(
        "accountant's profile",
        verdict.falsified() ? Finding.FARTHEST : 0,
        limit(1),
        "excess %.4f at score %.2f".formatted(verdict.excess(), verdict.threshold()));
  }

  // ---- the noise ----

  private Finding noisePerRound() {
    return worst(
        "noise of a round",
        tape.size(),
        t -> variance(sumOfSquares(blank[t]), Canaries.BLANK),
        t -> "round %d".formatted(tape.get(t).round()));
  }

  private Finding noiseOfAllRounds() {
    double squares = Arrays.stream(blank).mapToDouble(Battery::sumOfSquares).sum();
    return worst(
        "noise of all rounds",
        1,
        i -> variance(squares, blank.length * Canaries.BLANK),
        i ->
            "deviation %.4f of the claimed one"
                .formatted(Math.sqrt(squares / blank.length / Canaries.BLANK)));
  }

  private Finding noiseOfAbsentCanaries() {
    int[] absent = IntStream.range(0, canaries.size()).filter(i -> !canaries.isIn(i)).toArray();
    return worst(
        "noise on canaries that are out",
        tape.size(),
        t -> {
          double squares = 0;
          for (int canary : absent) {
            double x = tape.get(t).noisySum()[canary] / setting.updateNoise();
            squares += x * x;
          }
          return variance(squares, absent.length);
        },
        t -> "round %d".formatted(tape.get(t).round()));
  }

  /**
   * Of a sum of squares of claimed standard normals. Below the claim is a violation; above the
   * claim and the margin that the trainer keeps is a bug.
   */
  private static double variance(double squares, int degrees) {
    ChiSquaredDistribution claimed = ChiSquaredDistribution.of(degrees);
    double margin = 1 + 1.05e-3;
    return Math.max(
        distance(claimed.cumulativeProbability(squares)),
        distance(claimed.survivalProbability(squares / (margin * margin))));
  }

  private Finding repeatedNoise() {
    int pairs = blank.length * (blank.length - 1) / 2;
    double[][] standard = Arrays.stream(blank).map(Battery::standardised).toArray(double[][]::new);
    double largest = 0;
    String where = "";
    for (int s = 0; s < blank.length; s++) {
      for (int t = 0; t < s; t++) {
        double r = dot(standard[s], standard[t], Canaries.BLANK);
        if (Math.abs(r) >= Math.abs(largest)) {
          largest = r;
          where =
              "correlation %.3f of rounds %d and %d"
                  .formatted(r, tape.get(t).round(), tape.get(s).round());
        }
      }
    }
    return new Finding("repeated noise", correlation(largest, Canaries.BLANK), limit(pairs), where);
  }

  private Finding whitenessOfCoordinates() {
    return worst(
        "whiteness over coordinates",
        LAGS,
        i -> {
          double sum = 0;
          for (double[] row : blank) {
            for (int j = i + 1; j < row.length; j++) {
              sum += row[j] * row[j - i - 1];
            }
          }
          return Math.abs(sum) / Math.sqrt((double) blank.length * (Canaries.BLANK - i - 1));
        },
        i -> "lag %d".formatted(i + 1));
  }

  private Finding whitenessOfRounds() {
    return worst(
        "whiteness over rounds",
        Math.min(LAGS, blank.length - 1),
        i -> {
          double sum = 0;
          for (int t = i + 1; t < blank.length; t++) {
            sum += dot(blank[t], blank[t - i - 1], Canaries.BLANK);
          }
          return Math.abs(sum) / Math.sqrt((double) (blank.length - i - 1) * Canaries.BLANK);
        },
        i -> "lag %d".formatted(i + 1));
  }

  private Finding fourthMoment() {
    double second = 0;
    double fourth = 0;
    double count = (double) blank.length * Canaries.BLANK;
    for (double[] row : blank) {
      for (double x : row) {
        second += x * x / count;
        fourth += x * x * x * x / count;
      }
    }
    double kurtosis = fourth / (second * second);
    return worst(
        "fourth moment",
        1,
        i -> Math.abs(kurtosis - 3) / Math.sqrt(24 / count),
        i -> "kurtosis %.3f".formatted(kurtosis));
  }

  /** Noise that is cut off has no extremes, and heavy tails have too large ones. */
  private Finding extremes() {
    double largest = 0;
    for (double[] row : blank) {
      for (double x : row) {
        largest = Math.max(largest, Math.abs(x));
      }
    }
    double tail = 2 * NORMAL.survivalProbability(largest / (1 + 1.05e-3));
    double count = (double) blank.length * Canaries.BLANK;
    double tooLarge = -Math.expm1(count * Math.log1p(-tail));
    double tooSmall = Math.exp(count * Math.log1p(-2 * NORMAL.survivalProbability(largest)));
    double found = largest;
    return worst(
        "extremes",
        1,
        i -> Math.max(distance(tooLarge), distance(tooSmall)),
        i -> "largest %.2f".formatted(found));
  }

  /** What adaptive clipping drew, in units of its deviation; NaN where the answer was cut off. */
  private double[] bitNoise() {
    return tape.stream()
        .mapToDouble(
            execution -> {
              double unclipped =
                  AuditSetting.QUANTILE
                      - Math.log(execution.nextClipNorm() / execution.clipNorm())
                          / setting.clipping().rate();
              if (unclipped < 1e-9 || unclipped > 1 - 1e-9) {
                return Double.NaN;
              }
              double noised = (unclipped - 0.5) * setting.expectedUnits();
              double bits = 0;
              for (Execution.Sampled sampled : execution.sampled()) {
                bits += (canaries.isLoud(sampled.canary()) ? -0.5 : 0.5) * units(sampled);
              }
              return (noised - bits) / setting.clipping().bitNoise();
            })
        .toArray();
  }

  private int units(Execution.Sampled sampled) {
    return setting.isUserLevel() ? 1 : sampled.examples();
  }

  private Finding noiseOfBits() {
    double[] noise = Arrays.stream(bitNoise()).filter(x -> !Double.isNaN(x)).toArray();
    double squares = sumOfSquares(noise);
    return worst(
        "noise of unclipped bits",
        1,
        i -> variance(squares, noise.length),
        i -> "deviation %.3f of the claimed one".formatted(Math.sqrt(squares / noise.length)));
  }

  /** One key for both would show in some coordinate. */
  private Finding bitsAgainstUpdate() {
    double[] bits = bitNoise();
    int[] known = IntStream.range(0, bits.length).filter(t -> !Double.isNaN(bits[t])).toArray();
    double[] standard = standardised(IntStream.of(known).mapToDouble(t -> bits[t]).toArray());
    return worst(
        "bits against update",
        Canaries.BLANK,
        j -> {
          double[] column =
              standardised(IntStream.of(known).mapToDouble(t -> blank[t][j]).toArray());
          return correlation(dot(column, standard, known.length), known.length);
        },
        j -> "coordinate %d".formatted(j));
  }

  // ---- users ----

  private Finding loudCanaries() {
    return canaries("canaries that are clipped", /* loud= */ true, /* norm= */ 1);
  }

  private Finding quietCanaries() {
    return canaries("canaries that are not clipped", /* loud= */ false, Canaries.QUIET_NORM);
  }

  /** Over all rounds and over each, of those who are in and of those who are out. */
  private Finding canaries(String name, boolean loud, double norm) {
    List<Double> distances = new ArrayList<>();
    List<String> where = new ArrayList<>();
    for (boolean in : new boolean[] {true, false}) {
      int[] group =
          IntStream.range(0, canaries.size())
              .filter(i -> canaries.isLoud(i) == loud && canaries.isIn(i) == in)
              .toArray();
      // in a lifetime, and after it
      for (boolean counts : new boolean[] {true, false}) {
        int[] rounds =
            IntStream.range(0, tape.size())
                .filter(t -> setting.counts(tape.get(t).round()) == counts)
                .toArray();
        if (rounds.length == 0) {
          continue;
        }
        double unit = in && counts ? norm : 0;
        double noise = setting.updateNoise() * (1 + 1.05e-3);
        String who = (in ? "in" : "out") + (counts ? "" : " and would be retired");
        double found = 0;
        double expected = 0;
        double variance = 0;
        for (int t : rounds) {
          Execution execution = tape.get(t);
          Mixed mixed = mixed(group, t);
          double mean = IntStream.of(group).mapToDouble(i -> execution.noisySum()[i]).sum();
          mean /= group.length;
          double expectedMean = unit * setting.unitsOfOne() * mixed.sum() / group.length;
          double units = unit * unit * setting.unitVariance() / group.length;
          found += mean / rounds.length;
          expected += expectedMean / rounds.length;
          variance += noise * noise + units * mixed.mostOfAColumn();
          distances.add(
              Math.abs(mean - expectedMean)
                  / Math.sqrt((noise * noise + units * mixed.squares()) / group.length));
          where.add(
              "mean %.4f for %.4f of those who are %s in round %d"
                  .formatted(mean, expectedMean, who, execution.round()));
        }
        distances.add(
            Math.abs(found - expected)
                / Math.sqrt(variance / group.length / rounds.length / rounds.length));
        where.add("mean %.4f for %.4f of those who are %s".formatted(found, expected, who));
      }
    }
    return worst(name, distances.size(), distances::get, where::get);
  }

  /**
   * How much of a group's parts is mixed in a round.
   *
   * @param sum of coefficients, each as often as there are people whose turn its round was
   * @param squares of the same
   * @param mostOfAColumn for the sum over rounds: the parts of this round alone, each with all that
   *     it may be mixed into
   */
  private record Mixed(double sum, double squares, double mostOfAColumn) {}

  private Mixed mixed(int[] group, int t) {
    double sum = 0;
    double squares = 0;
    double column = 0;
    for (int lag = 0; lag < setting.bands(); lag++) {
      double coefficient = setting.coefficient(lag);
      column += coefficient;
      if (follows(tape, t - lag, t)) {
        int whoseTurn = whoseTurn(group, tape.get(t - lag));
        sum += coefficient * whoseTurn;
        squares += coefficient * coefficient * whoseTurn;
      }
    }
    return new Mixed(sum, squares, column * column * whoseTurn(group, tape.get(t)));
  }

  private int whoseTurn(int[] group, Execution execution) {
    return (int) IntStream.of(group).filter(canary -> isTurnOf(canary, execution)).count();
  }

  private Finding participation() {
    int[] in = IntStream.range(0, canaries.size()).filter(canaries::isIn).toArray();
    int[] may =
        tape.stream()
            .mapToInt(execution -> setting.counts(execution.round()) ? whoseTurn(in, execution) : 0)
            .toArray();
    int[] cohorts = tape.stream().mapToInt(execution -> execution.sampled().size()).toArray();
    BinomialDistribution all =
        BinomialDistribution.of(IntStream.of(may).sum(), setting.participation());
    int total =
        IntStream.range(0, cohorts.length)
            .filter(t -> setting.counts(tape.get(t).round()))
            .map(t -> cohorts[t])
            .sum();
    return worst(
        "participation",
        cohorts.length + 1,
        t ->
            t == cohorts.length
                ? count(all, total)
                : count(BinomialDistribution.of(may[t], setting.participation()), cohorts[t]),
        t ->
            t < cohorts.length
                ? "%d users in round %d".formatted(cohorts[t], tape.get(t).round())
                : "%d users in all rounds, %.0f expected".formatted(total, all.getMean()));
  }

  private static double count(BinomialDistribution claimed, int count) {
    return Math.max(
        distance(claimed.cumulativeProbability(count)),
        distance(claimed.survivalProbability(count - 1)));
  }

  /** Randomness that repeat bring the same users together twice. */
  private Finding coParticipation() {
    double q = setting.participation();
    int[] in = IntStream.range(0, canaries.size()).filter(canaries::isIn).toArray();
    // by turn, those whose it is
    BinomialDistribution[] both =
        IntStream.range(0, setting.bands())
            .mapToObj(
                turn ->
                    BinomialDistribution.of(
                        (int) IntStream.of(in).filter(canary -> turns[canary] == turn).count(),
                        q * q))
            .toArray(BinomialDistribution[]::new);
    List<Execution> counting =
        tape.stream().filter(execution -> setting.counts(execution.round())).toList();
    List<BitSet> cohorts =
        counting.stream()
            .map(
                execution -> {
                  BitSet users = new BitSet();
                  execution.sampled().forEach(sampled -> users.set(sampled.canary()));
                  return users;
                })
            .toList();
    List<Map<Integer, Double>> known =
        IntStream.range(0, setting.bands())
            .<Map<Integer, Double>>mapToObj(turn -> new HashMap<>())
            .toList();
    List<Double> distances = new ArrayList<>();
    List<String> where = new ArrayList<>();
    for (int s = 0; s < cohorts.size(); s++) {
      int turn = setting.turnIn(counting.get(s).round());
      for (int t = 0; t < s; t++) {
        if (setting.turnIn(counting.get(t).round()) != turn) {
          // that nobody is in both is the trace's to show
          continue;
        }
        BitSet common = (BitSet) cohorts.get(s).clone();
        common.and(cohorts.get(t));
        distances.add(
            known.get(turn).computeIfAbsent(common.cardinality(), n -> count(both[turn], n)));
        where.add(
            "%d users in round %d and again in %d, %.1f expected"
                .formatted(
                    common.cardinality(),
                    counting.get(t).round(),
                    counting.get(s).round(),
                    both[turn].getMean()));
      }
    }
    return worst("co-participation", distances.size(), distances::get, where::get);
  }

  /**
   * From the trace: nobody twice in a round, nobody with more than G examples, nobody who is out or
   * whose turn it is not.
   */
  private Finding samples() {
    for (Execution execution : tape) {
      Set<Integer> users = new HashSet<>();
      for (Execution.Sampled sampled : execution.sampled()) {
        if (!users.add(sampled.canary())
            || sampled.examples() > setting.groupSize()
            || !canaries.isIn(sampled.canary())
            || !isTurnOf(sampled.canary(), execution)) {
          return new Finding(
              "samples",
              Finding.FARTHEST,
              limit(1),
              "canary %d with %d examples in round %d"
                  .formatted(sampled.canary(), sampled.examples(), execution.round()));
        }
      }
    }
    return new Finding("samples", 0, limit(1), "each once, with at most G examples");
  }

  // ---- statistics ----

  private Finding worst(
      String test, int comparisons, IntToDoubleFunction distance, IntFunction<String> where) {
    int worst = 0;
    double largest = Double.NEGATIVE_INFINITY;
    for (int i = 0; i < comparisons; i++) {
      double one = distance.applyAsDouble(i);
      if (!(one <= largest)) {
        largest = one;
        worst = i;
      }
    }
    return new Finding(test, largest, limit(comparisons), where.apply(worst));
  }

  /** Two-sided, for so many comparisons. */
  private double limit(int comparisons) {
    return NORMAL.inverseSurvivalProbability(share / (2.0 * comparisons));
  }

  private static double distance(double tail) {
    return tail <= 0 ? Finding.FARTHEST : NORMAL.inverseSurvivalProbability(Math.min(1, tail));
  }

  /** Of normal columns of a length, by Student's distribution. */
  private static double correlation(double r, int length) {
    double t = Math.abs(r) * Math.sqrt((length - 2) / Math.max(1e-300, 1 - r * r));
    return distance(TDistribution.of(length - 2).survivalProbability(t));
  }

  private static double sumOfSquares(double[] values) {
    double sum = 0;
    for (double value : values) {
      sum += value * value;
    }
    return sum;
  }

  private static double dot(double[] a, double[] b, int length) {
    double sum = 0;
    for (int i = 0; i < length; i++) {
      sum += a[i] * b[i];
    }
    return sum;
  }

  /** With mean 0 and length 1; zeros where nothing varies. */
  private static double[] standardised(double[] values) {
    double mean = Arrays.stream(values).average().orElse(0);
    double[] centred = Arrays.stream(values).map(x -> x - mean).toArray();
    double length = Math.sqrt(sumOfSquares(centred));
    return length == 0 ? centred : Arrays.stream(centred).map(x -> x / length).toArray();
  }
}
