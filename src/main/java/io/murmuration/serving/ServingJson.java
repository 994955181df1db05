package io.murmuration.serving;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;

/** Answers and releases as JSON, one form for the command and for HTTP. */
public final class ServingJson {

  private ServingJson() {}

  /** An answer: the new text, and of which release it is. */
  public static ObjectNode of(Answer answer) {
    ObjectNode json = JsonNodeFactory.instance.objectNode();
    json.put("text", answer.text());
    identify(json, answer.release());
    return json;
  }

  private static void identify(ObjectNode json, ServedRelease release) {
    json.put("release", release.name());
    json.put("round", release.round());
    json.put("epsilon", release.manifest().epsilonSpent());
    json.put("delta", release.manifest().delta());
    json.put("release_sha256", release.digest());
  }

  /** What is served, what is refused, and what is away; {@code null} where nothing is. */
  static ObjectNode of(ReleaseFollower.Status status) {
    ObjectNode json = JsonNodeFactory.instance.objectNode();
    status
        .served()
        .ifPresent(
            release -> {
              identify(json, release);
              json.put("domain", release.manifest().domain());
              json.put("statement", release.manifest().statement());
              json.put("weights_sha256", release.manifest().weightsDigest());
              json.put("ledger_hash", release.manifest().ledgerHash());
              json.put("base_model", release.manifest().baseModel());
              json.put("base_model_sha256", release.manifest().baseModelDigest());
            });
    ObjectNode refused = json.putObject("refused");
    for (Refusal refusal : status.refused()) {
      ArrayNode problems = refused.putArray(refusal.release());
      refusal.problems().forEach(problems::add);
    }
    json.put("away", status.away().orElse(null));
    return json;
  }
}
