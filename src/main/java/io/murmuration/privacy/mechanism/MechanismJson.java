package io.murmuration.privacy.mechanism;

import com.fasterxml.jackson.databind.node.ObjectNode;
import io.murmuration.privacy.mechanism.RoundQuery.CountHistogram;
import io.murmuration.privacy.mechanism.RoundQuery.ModelUpdate;
import io.murmuration.privacy.mechanism.RoundQuery.NormHistograms;

/**
 * A mechanism as a JSON object. What is ordinary training with a fixed clip norm has no query, and
 * independent noise no correlation.
 */
public final class MechanismJson {

  private MechanismJson() {}

  /** Adds a mechanism's fields to an object. */
  public static void write(RoundMechanism mechanism, ObjectNode node) {
    node.put("sampler", mechanism.sampler().name())
        .put("sampling_probability", mechanism.samplingProbability())
        .put("group_size", mechanism.groupSize())
        .put("noise_multiplier", mechanism.noiseMultiplier())
        .put("clip_norm", mechanism.clipNorm())
        .put("expected_units", mechanism.expectedUnits());
    if (!mechanism.query().equals(RoundQuery.UPDATE)) {
      writeQuery(mechanism.query(), node.putObject("query"));
    }
    if (mechanism.correlatedNoise() != null) {
      writeCorrelation(mechanism.correlatedNoise(), node.putObject("correlated_noise"));
    }
  }

  /** The coefficients are whole: numerators over 2¹⁶. */
  private static void writeCorrelation(CorrelatedNoise noise, ObjectNode node) {
    noise.numerators().forEach(node.putArray("coefficients")::add);
    node.put("turn_key", noise.turnKey());
  }

  private static void writeQuery(RoundQuery query, ObjectNode node) {
    if (query instanceof ModelUpdate update) {
      node.put("kind", "update")
          .put("clipping_quantile", update.adaptive().quantile())
          .put("clipping_rate", update.adaptive().rate())
          .put("bit_noise", update.adaptive().bitNoise());
    } else if (query instanceof CountHistogram counts) {
      node.put("kind", "counts");
      counts.upperBounds().forEach(node.putArray("upper_bounds")::add);
    } else if (query instanceof NormHistograms norms) {
      node.put("kind", "norms");
      norms.groupSizes().forEach(node.putArray("group_sizes")::add);
      node.put("smallest_norm", norms.smallestNorm())
          .put("ratio", norms.ratio())
          .put("bins", norms.bins());
    } else {
      throw new IllegalArgumentException("no written form for " + query);
    }
  }

  /** Reads what {@link #write} wrote, strictly. */
  public static RoundMechanism read(JsonFields fields) {
    RoundMechanism mechanism =
        new RoundMechanism(
            Sampler.valueOf(fields.text("sampler")),
            fields.real("sampling_probability"),
            fields.smallInteger("group_size"),
            fields.real("noise_multiplier"),
            fields.real("clip_norm"),
            fields.real("expected_units"),
            fields.has("query") ? readQuery(fields.object("query")) : RoundQuery.UPDATE,
            fields.has("correlated_noise")
                ? readCorrelation(fields.object("correlated_noise"))
                : null);
    fields.requireNoOthers();
    return mechanism;
  }

  private static CorrelatedNoise readCorrelation(JsonFields fields) {
    CorrelatedNoise noise =
        new CorrelatedNoise(fields.smallIntegers("coefficients"), fields.text("turn_key"));
    fields.requireNoOthers();
    return noise;
  }

  private static RoundQuery readQuery(JsonFields fields) {
    String kind = fields.text("kind");
    RoundQuery query =
        switch (kind) {
          case "update" ->
              new ModelUpdate(
                  new AdaptiveClipping(
                      fields.real("clipping_quantile"),
                      fields.real("clipping_rate"),
                      fields.real("bit_noise")));
          case "counts" -> new CountHistogram(fields.smallIntegers("upper_bounds"));
          case "norms" ->
              new NormHistograms(
                  fields.smallIntegers("group_sizes"),
                  fields.real("smallest_norm"),
                  fields.real("ratio"),
                  fields.smallInteger("bins"));
          default ->
              throw new IllegalArgumentException(
                  "this release does not know queries of kind '" + kind + "'");
        };
    fields.requireNoOthers();
    return query;
  }
}
