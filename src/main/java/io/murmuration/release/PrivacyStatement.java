package io.murmuration.release;

import io.murmuration.privacy.mechanism.AdaptiveClipping;
import io.murmuration.privacy.mechanism.Grant;
import io.murmuration.privacy.mechanism.RoundMechanism;
import io.murmuration.privacy.mechanism.Sampler;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;

/** The guarantee of a release in words: {@code PRIVACY.md}. Made of public values only. */
public final class PrivacyStatement {

  /** Name of the statement's file in a release. */
  public static final String FILE = "PRIVACY.md";

  static final String UNIT = "user";
  static final String NEIGHBOURING_RELATION = "add or remove one user with all their events";

  /** What the guarantee assumes, each to follow "it holds if". */
  public static final List<String> ASSUMPTIONS =
      List.of(
          "the round in which an event arrives is part of the input: load and timing are outside"
              + " the guarantee",
          "process failures do not depend on the data",
          "the base model, tokenizer and starting adapter are public or already charged",
          "one id is one person: a person with two ids, or one whose words stand in another user's"
              + " prompt, is covered per id; the same people in two domains add up",
          "sampling coins and noise come from a cryptographic generator and are drawn afresh for"
              + " every attempt");

  private PrivacyStatement() {}

  /** The guarantee in one sentence. */
  static String sentence(String domain, Grant grant) {
    return sentence(domain, grant.round(), grant.epsilonSpent(), grant.delta());
  }

  /** The guarantee of all releases up to a round in one sentence. */
  public static String sentence(String domain, long round, double epsilon, double delta) {
    return "All releases of the domain %s up to and including round %d together are (%s, %s)-differentially private at user level."
        .formatted(domain, round, epsilonRoundedUp(epsilon), number(delta));
  }

  /** The file's bytes, UTF-8. */
  public static byte[] write(ReleaseContext context, Grant grant) {
    RoundMechanism mechanism = grant.mechanism();
    boolean byUser = mechanism.sampler() == Sampler.ULS;
    return """
    # Privacy of this release

    %s

    | | |
    | --- | --- |
    | privacy unit | one user: all events that ever carry that user id |
    | neighbouring relation | %s |
    | ε spent by the domain, rounded up | %s |
    | δ | %s |
    | round, phase | %d, %d |
    | ledger record of the charge | `%s` |

    ## Mechanism of this round

    %s takes part independently with probability %s. %s is clipped to L2 norm %s, Gaussian noise of
    standard deviation %s times that is added to the sum, and the noisy sum is divided by %s, a
    constant that was fixed in advance. %s

    ## What the statement covers

    Every published model of the domain up to this round, with manifests and announcements, and the
    ledger, even if all of them are seen together. It holds for this round fixed in advance; under
    any rule for when to stop looking, what holds is the total that the ledger reserved.

    ## What it assumes

    - (a) The round in which an event arrives is part of the input: load and timing (a flood from one
      user that delays others, how long a round takes) are outside the guarantee.
    - (b) Process failures do not depend on the data. A record or a user that cannot be processed
      contributes zero, and the round goes on.
    - (c) The base model, its tokenizer and the starting adapter are public, or already charged. Base
      model: `%s`, SHA-256 `%s`. %s
    - (d) One id is one person. A person with two ids, or one whose words stand in another user's
      prompt, is covered per id. The same people in two domains add up.
    """
        .formatted(
            sentence(context.domain(), grant),
            NEIGHBOURING_RELATION,
            epsilonRoundedUp(grant.epsilonSpent()),
            number(grant.delta()),
            grant.round(),
            grant.phase(),
            grant.ledgerHash(),
            byUser ? "Each user" : "Each pooled example",
            number(mechanism.samplingProbability()),
            byUser
                ? "The mean gradient of a user's examples, at most %d of them,"
                    .formatted(mechanism.groupSize())
                : "The gradient of an example",
            number(mechanism.clipNorm()),
            number(mechanism.noiseMultiplier()),
            number(mechanism.expectedUnits()),
            notes(context, mechanism),
            context.baseModel(),
            context.baseModelDigest(),
            context.startingPoint())
        .getBytes(StandardCharsets.UTF_8);
  }

  private static String notes(ReleaseContext context, RoundMechanism mechanism) {
    List<String> notes = new ArrayList<>();
    if (mechanism.sampler() == Sampler.ELS) {
      notes.add("A user has at most %d examples in the pool.".formatted(mechanism.groupSize()));
    }
    AdaptiveClipping adaptive = mechanism.adaptiveClipping();
    if (adaptive != null) {
      notes.add(
          "The noise multiplier is that of two sums of the same sample together: the update, with noise multiplier %s, and the number of updates that were not clipped, with noise of standard deviation %s; from the latter follows the next round's clip norm."
              .formatted(
                  number(adaptive.updateNoiseMultiplier(mechanism.noiseMultiplier())),
                  number(adaptive.bitNoise())));
    }
    if (!context.budgetSplit().isEmpty()) {
      notes.add(context.budgetSplit());
    }
    return String.join(" ", notes);
  }

  /** The file's bytes of a calibration's release, UTF-8. */
  static byte[] writeCalibration(ReleaseContext context, Grant grant, CalibrationOutcome outcome) {
    RoundMechanism mechanism = grant.mechanism();
    boolean counts = outcome.candidates() == null;
    return """
    # Privacy of this calibration

    %s

    | | |
    | --- | --- |
    | privacy unit | one user: all events that ever carry that user id |
    | neighbouring relation | %s |
    | ε spent by the domain, rounded up | %s |
    | δ | %s |
    | round, phase | %d, %d |
    | ledger record of the charge | `%s` |

    ## What was measured

    %s Gaussian noise of standard deviation %s was added to every bin, once. Nothing was divided by
    a number of users. What follows from the noised bins, the bound, the clip norm and the noise of
    training, costs nothing further.

    %s

    It assumes what the statement of every model's release assumes.
    """
        .formatted(
            sentence(context.domain(), grant),
            NEIGHBOURING_RELATION,
            epsilonRoundedUp(grant.epsilonSpent()),
            number(grant.delta()),
            grant.round(),
            grant.phase(),
            grant.ledgerHash(),
            counts
                ? "Every user with events in the last complete window counts in one bin of one"
                    + " histogram, so one user moves it by 1 in L2."
                : "Each user takes part independently with probability %s. The norm of the mean gradient over at most G of a user's examples has weight 1 in one histogram for each of %d candidates G, so one user moves them jointly by √%d in L2."
                    .formatted(
                        number(mechanism.samplingProbability()),
                        outcome.candidates().size(),
                        outcome.candidates().size()),
            number(outcome.noiseDeviation()),
            outcome.budget().sentence())
        .getBytes(StandardCharsets.UTF_8);
  }

  /** Four decimals, never below the true value. */
  private static String epsilonRoundedUp(double epsilon) {
    return String.format(Locale.ROOT, "%.4f", Math.ceil(epsilon * 1e4) / 1e4);
  }

  private static String number(double value) {
    return value == Math.rint(value) && Math.abs(value) < 1e15
        ? Long.toString((long) value)
        : Double.toString(value);
  }
}
