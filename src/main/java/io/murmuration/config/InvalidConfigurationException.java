package io.murmuration.config;

import java.util.List;
import java.util.stream.Collectors;

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
                faults.stream()
                    .map(fault -> fault.replaceAll("\\s*\\R\\s*", " "))
                    .collect(Collectors.joining("%n  - ".formatted()))));
    this.faults = List.copyOf(faults);
  }

  /** One sentence a fault, each naming the option. */
  public List<String> faults() {
    return faults;
  }
}
