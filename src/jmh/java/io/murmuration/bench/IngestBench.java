package io.murmuration.bench;

import java.util.Arrays;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;

/**
 * What bound & sample costs: {@code scripts/bench ingest [SECTION ...]}.
 *
 * <p>Every figure that matters is a ratio of two measurements of one run, taken in turns. Sections:
 * {@code throughput}, {@code subtask}, {@code rounds}, {@code retired}, {@code barriers}, {@code
 * kafka}; all of them without an argument.
 */
public final class IngestBench {

  private static final List<String> SECTIONS =
      List.of("throughput", "subtask", "rounds", "retired", "barriers", "kafka");

  private IngestBench() {}

  /** Runs the sections named. */
  public static void main(String[] args) throws Exception {
    Set<String> sections = new LinkedHashSet<>(args.length == 0 ? SECTIONS : Arrays.asList(args));
    if (!SECTIONS.containsAll(sections)) {
      throw new IllegalArgumentException("Sections are " + SECTIONS + ", given " + sections);
    }
    for (String section : sections) {
      Workload.print("%n%s", section);
      switch (section) {
        case "throughput" -> ThroughputBench.run();
        case "subtask" -> SubtaskBench.run();
        case "rounds" -> PopulationBench.run();
        case "retired" -> RetirementBench.run();
        case "barriers" -> BarrierBench.run();
        default -> KafkaIngestBench.run();
      }
    }
  }
}
