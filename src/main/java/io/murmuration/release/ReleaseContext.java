package io.murmuration.release;

import java.io.Serializable;
import java.util.regex.Pattern;

/**
 * What all releases of a run have in common; every field is public.
 *
 * @param domain the privacy domain whose budget is spent
 * @param runId a name for this run, chosen by its deployer
 * @param baseModel name or path of the base model
 * @param baseModelDigest SHA-256 of its weights, lower-case hexadecimal
 * @param startingPoint where training begins without state, as a sentence for {@code PRIVACY.md}
 * @param format the files of a release beside the weights
 * @param budgetSplit how the budget is split over calibrations and training, as a sentence for
 *     {@code PRIVACY.md}; empty if it is not
 */
public record ReleaseContext(
    String domain,
    String runId,
    String baseModel,
    String baseModelDigest,
    String startingPoint,
    ReleaseFormat format,
    String budgetSplit)
    implements Serializable {

  private static final Pattern SHA_256 = Pattern.compile("[0-9a-f]{64}");

  public ReleaseContext {
    requireText("privacy domain", domain);
    requireText("run id", runId);
    requireText("base model", baseModel);
    requireText("starting point", startingPoint);
    if (baseModelDigest == null || !SHA_256.matcher(baseModelDigest).matches()) {
      throw new IllegalArgumentException(
          "base model digest must be 64 lower-case hexadecimal digits but is " + baseModelDigest);
    }
  }

  /** A run whose budget is all training's. */
  public ReleaseContext(
      String domain,
      String runId,
      String baseModel,
      String baseModelDigest,
      String startingPoint,
      ReleaseFormat format) {
    this(domain, runId, baseModel, baseModelDigest, startingPoint, format, /* budgetSplit= */ "");
  }

  /** The same for a model that began elsewhere; an empty sentence changes nothing. */
  ReleaseContext startedAt(String sentence) {
    return sentence.isEmpty()
        ? this
        : new ReleaseContext(
            domain, runId, baseModel, baseModelDigest, sentence, format, budgetSplit);
  }

  private static void requireText(String name, String value) {
    if (value == null || value.isBlank()) {
      throw new IllegalArgumentException(name + " is required but is " + value);
    }
  }
}
