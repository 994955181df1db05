package io.murmuration.config;

import java.util.List;

/** A configuration that cannot be run, with everything that is wrong with it. */
public final class InvalidConfigurationException extends IllegalArgumentException {

  private static final long serialVersionUID = 1L;

  private final transient List<String> faults;

  InvalidConfigurationException(List<String> faults) {
    super(
        "The configuration has %d fault%s:%n  - %s"
            .formatted(
                faults.size(),
                faults.size() == 1 ? "" : "s",
                String.join("%n  - ".formatted(), faults)));
    this.faults = List.copyOf(faults);
  }

  /** One sentence a fault, each naming the option. */
  public List<String> faults() {
    return faults;
  }
}
