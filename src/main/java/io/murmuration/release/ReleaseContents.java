package io.murmuration.release;

import com.fasterxml.jackson.annotation.JsonProperty;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.Map;
import java.util.SortedMap;
import java.util.TreeMap;

/**
 * Which files a release on object storage has, where no listing can be relied on: written before
 * the first of them. It also reserves the name: a round is released once, ever, so that nothing of
 * another release is ever written beside it.
 *
 * @param releaseDigest see {@link Digests#ofRelease}
 * @param files SHA-256 of each file by its name
 */
record ReleaseContents(
    @JsonProperty("release_sha256") String releaseDigest,
    @JsonProperty("files") SortedMap<String, String> files) {

  /** Hidden, and no file of the release. */
  static final String FILE = ".files.json";

  static ReleaseContents of(SortedMap<String, byte[]> files) {
    SortedMap<String, String> digests = new TreeMap<>();
    for (Map.Entry<String, byte[]> file : files.entrySet()) {
      digests.put(file.getKey(), Digests.ofFile(file.getValue()));
    }
    return new ReleaseContents(Digests.ofRelease(files), digests);
  }

  byte[] write() {
    return PrettyJson.text(this).getBytes(StandardCharsets.UTF_8);
  }

  /**
   * Reads what {@link #write} wrote.
   *
   * @throws IOException if it is cut off or something else
   */
  static ReleaseContents read(byte[] json) throws IOException {
    return ReleaseJson.complete(ReleaseJson.object(json), ReleaseContents.class);
  }
}
