package io.murmuration.serving;

import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/** What looks changed, as lines for people. Used by one thread at a time. */
public final class Notices {

  private Optional<ServedRelease> served = Optional.empty();
  private Optional<String> away = Optional.empty();

  /** The lines about a look; none if it changed nothing. */
  public List<String> about(ReleaseFollower.Look look) {
    List<String> lines = new ArrayList<>();
    if (look.taken().isPresent()) {
      served = look.taken();
    }
    for (Refusal refusal : look.refused()) {
      lines.add("refused " + refusal.inWords() + goingOn());
    }
    look.taken().ifPresent(release -> lines.add("serving " + release.inWords()));
    if (!look.away().equals(away)) {
      lines.add(
          look.away()
              .map(reason -> "away: " + reason + goingOn())
              .orElse("store and ledger are there"));
      away = look.away();
    }
    return lines;
  }

  private String goingOn() {
    return served
        .map(release -> "; " + release.name() + " is served")
        .orElse("; nothing is served yet");
  }
}
