package io.murmuration.serving;

import java.util.List;

/**
 * A release that is not served, and why.
 *
 * @param release its name
 * @param problems what is wrong with it, at least one
 */
public record Refusal(String release, List<String> problems) {

  public Refusal {
    problems = List.copyOf(problems);
  }

  /** Name and problems in one line. */
  public String inWords() {
    return release + ": " + String.join("; ", problems);
  }
}
