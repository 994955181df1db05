package io.murmuration.release;

import com.fasterxml.jackson.annotation.JsonProperty;
import com.fasterxml.jackson.annotation.JsonPropertyOrder;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.murmuration.privacy.mechanism.Grant;
import io.murmuration.privacy.mechanism.Horizon;
import java.io.IOException;
import java.util.Optional;

/**
 * The manifest of a model's release.
 *
 * @param head the fields that every manifest has
 * @param weightsFile the file that holds the weights
 * @param weightsDigest its SHA-256
 * @param horizon whose lifetime the round counts in; null where the budget is the domain's
 */
public record ReleaseManifest(
    ManifestHead head, String weightsFile, String weightsDigest, Horizon horizon)
    implements Manifest {

  private static final String WEIGHTS_FILE = "weights_file";
  private static final String WEIGHTS_DIGEST = "weights_sha256";
  private static final String HORIZON = "horizon";

  /** The manifest of one release. */
  public static ReleaseManifest of(ReleaseContext context, Grant grant, String weightsDigest) {
    return new ReleaseManifest(
        ManifestHead.of(context, grant),
        context.format().weightsFile(),
        weightsDigest,
        grant.horizon());
  }

  /**
   * Reads a manifest.
   *
   * @throws IOException if it is not one of a model, of a format up to {@link ManifestHead#FORMAT}:
   *     a field too many, missing or mistyped
   */
  public static ReleaseManifest read(byte[] json) throws IOException {
    ObjectNode fields = ReleaseJson.object(json);
    ManifestHead.requireKnownFormat(fields);
    String weightsFile = ReleaseJson.takeText(fields, WEIGHTS_FILE);
    String weightsDigest = ReleaseJson.takeText(fields, WEIGHTS_DIGEST);
    Horizon horizon =
        ManifestHead.statesLifetime(fields)
            ? ReleaseJson.complete(ReleaseJson.take(fields, HORIZON), HorizonFields.class).horizon()
            : null;
    return new ReleaseManifest(
        ReleaseJson.complete(fields, ManifestHead.class), weightsFile, weightsDigest, horizon);
  }

  @Override
  public ObjectNode tree() {
    ObjectNode tree = ReleaseJson.tree(head);
    if (horizon != null) {
      tree.set(HORIZON, ReleaseJson.tree(HorizonFields.of(horizon)));
    }
    return tree.put(WEIGHTS_FILE, weightsFile).put(WEIGHTS_DIGEST, weightsDigest);
  }

  @Override
  public Optional<Horizon> lifetime() {
    return Optional.ofNullable(horizon);
  }

  @Override
  public String releaseName() {
    return ReleaseFiles.nameOf(round());
  }

  @Override
  public String contentFile() {
    return weightsFile;
  }

  @Override
  public String contentDigest() {
    return weightsDigest;
  }

  /** A horizon as it is written. */
  @JsonPropertyOrder({"generation", "rounds", "first_round"})
  private record HorizonFields(
      @JsonProperty("generation") int generation,
      @JsonProperty("rounds") long rounds,
      @JsonProperty("first_round") long firstRound) {

    static HorizonFields of(Horizon horizon) {
      return new HorizonFields(horizon.generation(), horizon.rounds(), horizon.firstRound());
    }

    Horizon horizon() throws IOException {
      try {
        return new Horizon(generation, rounds, firstRound);
      } catch (IllegalArgumentException e) {
        throw new IOException("%s: %s".formatted(HORIZON, e.getMessage()), e);
      }
    }
  }
}
