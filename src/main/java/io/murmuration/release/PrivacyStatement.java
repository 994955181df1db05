package io.murmuration.release;

import io.murmuration.privacy.mechanism.AdaptiveClipping;
import io.murmuration.privacy.mechanism.Grant;
import io.murmuration.privacy.mechanism.Horizon;
import io.murmuration.privacy.mechanism.RoundMechanism;
import io.murmuration.privacy.mechanism.Sampler;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/** The guarantee of a release in words: {@code PRIVACY.md}. Made of public values only. */
public final class PrivacyStatement {

  /** Name of the statement's file in a release. */
  public static final String FILE = "PRIVACY.md";

  private PrivacyStatement() {}

  /** The file's bytes of a model's release, UTF-8. */
  static byte[] write(ReleaseContext context, Grant grant) {
    return """
    # Privacy of this release

    %s

    ## Mechanism of this round

    %s

    ## What the statement covers

    Every published model of the domain up to this round, with manifests and announcements, and the
    ledger, even if all of them are seen together. %s

    ## What it assumes

    %s
    Base model `%s`, SHA-256 `%s`. %s
    """
        .formatted(
            table(context, grant),
            mechanism(context, grant.mechanism()),
            Guarantee.STOPPING,
            assumptions(),
            context.baseModel(),
            context.baseModelDigest(),
            context.startingPoint())
        .getBytes(StandardCharsets.UTF_8);
  }

  /** The file's bytes of a calibration's release, UTF-8. */
  static byte[] writeCalibration(ReleaseContext context, Grant grant, CalibrationOutcome outcome) {
    return """
    # Privacy of this calibration

    %s

    ## What was measured

    %s Gaussian noise of standard deviation %s was added to every bin, once. Nothing was divided by
    a number of users. What follows from the noised bins, the bound, the clip norm and the noise of
    training, costs nothing further.

    %s

    ## What it assumes

    %s\
    """
        .formatted(
            table(context, grant),
            measured(grant.mechanism(), outcome),
            Guarantee.number(outcome.noiseDeviation()),
            outcome.reserved(),
            assumptions())
        .getBytes(StandardCharsets.UTF_8);
  }

  private static String table(ReleaseContext context, Grant grant) {
    return """
    %s

    | | |
    | --- | --- |
    | privacy unit | %s |
    | neighbouring relation | %s |
    | %s, rounded up | %s |
    | δ | %s |
    | round, phase | %d, %d |
    | ledger record of the charge | `%s` |\
    """
        .formatted(
            sentences(context, grant),
            Guarantee.UNIT,
            Guarantee.RELATION,
            grant.horizon() == null ? "ε spent by the domain" : "ε that one user can have spent",
            Guarantee.epsilonRoundedUp(grant.epsilonSpent()),
            Guarantee.number(grant.delta()),
            grant.round(),
            grant.phase(),
            grant.ledgerHash());
  }

  /** The manifest's statement, and where it does not say so which promise it is. */
  private static String sentences(ReleaseContext context, Grant grant) {
    Optional<Horizon> lifetime = Optional.ofNullable(grant.horizon());
    String statement =
        Guarantee.statement(
            context.domain(), grant.round(), grant.epsilonSpent(), grant.delta(), lifetime);
    if (lifetime.isPresent() || grant.mechanism().query().isCalibration()) {
      return statement;
    }
    return statement + " " + Guarantee.promise(lifetime);
  }

  /** A numbered list, a line each. */
  private static String assumptions() {
    StringBuilder list = new StringBuilder();
    for (int i = 0; i < Guarantee.ASSUMPTIONS.size(); i++) {
      list.append("%d. %s.%n".formatted(i + 1, Guarantee.ASSUMPTIONS.get(i).sentence()));
    }
    return list.toString().replace(System.lineSeparator(), "\n");
  }

  private static String mechanism(ReleaseContext context, RoundMechanism mechanism) {
    boolean byUser = mechanism.sampler() == Sampler.ULS;
    List<String> sentences = new ArrayList<>();
    sentences.add(
        "%s takes part independently with probability %s%s. %s is clipped to L2 norm %s, Gaussian noise of standard deviation %s times that is added to the sum, and the noisy sum is divided by %s, a constant that was fixed in advance."
            .formatted(
                byUser ? "Each user" : "Each pooled example",
                Guarantee.number(mechanism.probabilityInTurn()),
                mechanism.bands() == 1
                    ? ""
                    : " in every %s round, those of %s turn, and in no other"
                        .formatted(
                            MechanismInWords.ordinal(mechanism.bands()),
                            byUser ? "the user's" : "its user's"),
                byUser
                    ? "The mean gradient of a user's examples, at most %d of them,"
                        .formatted(mechanism.groupSize())
                    : "The gradient of an example",
                Guarantee.number(mechanism.clipNorm()),
                Guarantee.number(mechanism.noiseMultiplier()),
                Guarantee.number(mechanism.expectedUnits())));
    if (!byUser) {
      sentences.add("A user has at most %d examples in the pool.".formatted(mechanism.groupSize()));
    }
    if (mechanism.bands() > 1) {
      sentences.add(
          "The noise is correlated over %1$d rounds: each takes back a part of what those before it added. A user's turn is a hash of the id, and %1$d rounds of the phase, or the part of them that was run, cost what one costs that is the user's turn."
              .formatted(mechanism.bands()));
    }
    Optional<AdaptiveClipping> adaptive = mechanism.adaptiveClipping();
    if (adaptive.isPresent()) {
      sentences.add(
          "The noise multiplier is that of two sums of the same sample together: the update, with noise multiplier %s, and the number of updates that were not clipped, with noise of standard deviation %s; from the latter follows the next round's clip norm."
              .formatted(
                  Guarantee.number(
                      adaptive.get().updateNoiseMultiplier(mechanism.noiseMultiplier())),
                  Guarantee.number(adaptive.get().bitNoise())));
    }
    if (!context.budgetSplit().isEmpty()) {
      sentences.add(context.budgetSplit());
    }
    return String.join(" ", sentences);
  }

  private static String measured(RoundMechanism mechanism, CalibrationOutcome outcome) {
    return outcome.candidates() == null
        ? "Every user with events in the last complete window counts in one bin of one histogram,"
            + " so one user moves it by 1 in L2."
        : "Each user takes part independently with probability %s. The norm of the mean gradient over at most G of a user's examples has weight 1 in one histogram for each of %d candidates G, so one user moves them jointly by √%d in L2."
            .formatted(
                Guarantee.number(mechanism.samplingProbability()),
                outcome.candidates().size(),
                outcome.candidates().size());
  }
}
