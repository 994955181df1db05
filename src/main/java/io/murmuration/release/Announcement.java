package io.murmuration.release;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.json.JsonMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;

/**
 * Tells consumers that a release is visible. Sent after the commit, at least once; consumers drop
 * repetitions by (domain, round).
 *
 * @param domain the privacy domain
 * @param round the released round
 * @param json what consumers read: {@code release}, the directory's name; {@code release_sha256};
 *     {@code manifest}, as in the release
 * @param publicMillis what it is dated: when the tick of its round began, in milliseconds since
 *     1970, whenever that was over; 0 where an earlier version wrote it and does not say
 */
public record Announcement(String domain, long round, String json, long publicMillis) {

  private static final JsonMapper JSON = new JsonMapper();

  /** The announcement of one release. */
  public static Announcement of(ReleaseFiles release, String releaseDigest) {
    ObjectNode root = JSON.createObjectNode();
    root.put("release", release.name());
    root.put("release_sha256", releaseDigest);
    root.set("manifest", release.manifest().tree());
    try {
      return new Announcement(
          release.manifest().domain(),
          release.manifest().round(),
          JSON.writeValueAsString(root),
          release.publicMillis());
    } catch (JsonProcessingException e) {
      throw new IllegalStateException("a tree of texts and numbers can be written as JSON", e);
    }
  }

  /** What Kafka compacts and partitions by: {@code domain/round}. */
  public String key() {
    return domain + "/" + round;
  }
}
