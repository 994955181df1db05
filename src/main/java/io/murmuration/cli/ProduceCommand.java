package io.murmuration.cli;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.murmuration.demo.HeldOutUsers;
import io.murmuration.event.EventEncoder;
import io.murmuration.event.EventFile;
import io.murmuration.event.InteractionProducer;
import io.murmuration.event.avro.Interaction;
import io.murmuration.terminal.Progress;
import java.io.IOException;
import java.io.InputStream;
import java.io.PrintWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Locale;
import java.util.Optional;
import java.util.concurrent.Callable;
import java.util.function.Predicate;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/** Feeds a file of events, or standard input, into the interactions topic. */
@Command(
    name = "produce",
    description = "Feeds JSON lines of events into the interactions topic.",
    mixinStandardHelpOptions = true)
final class ProduceCommand implements Callable<Integer> {
  private static final String STANDARD_INPUT = "-";

  @Spec private CommandSpec spec;
  @Mixin private InteractionsTopic topic;
  @Mixin private FormatOptions format;
  @Mixin private BadLineOptions badLines;

  @Option(
      names = "--events",
      defaultValue = STANDARD_INPUT,
      paramLabel = "FILE",
      description =
          "JSON lines with user_id, event_time and text, plain or gzip; - for standard input"
              + " (default).")
  private String events;

  @Option(
      names = "--rate",
      paramLabel = "EVENTS/S",
      description = "Events per second at most; without it as fast as the brokers take them.")
  private Double rate;

  @Option(names = "--exclude-bots", description = "Leave out events marked with \"bot\": true.")
  private boolean excludeBots;

  @Option(
      names = "--holdout",
      defaultValue = "0",
      paramLabel = "SHARE",
      description =
          "Leave out this share of users, in [0, 1], chosen by a hash of their id; default: 0.")
  private double holdout;

  @Option(
      names = "--progress",
      negatable = true,
      description =
          "Show progress on standard error; by default on a terminal. Elsewhere a line now and"
              + " then.")
  private Boolean progress;

  @Option(names = "--json", description = "Print the summary as JSON.")
  private boolean json;

  private long bots;
  private long heldOut;

  @Override
  public Integer call() throws IOException, InterruptedException {
    validate();
    long start = System.nanoTime();
    long produced;
    EventEncoder encoder = format.encoder(topic.name());
    try (InteractionProducer producer =
        topic.producer(rate == null ? InteractionProducer.UNLIMITED : rate, encoder)) {
      feed(producer);
      produced = producer.sent();
    }
    report(produced, (System.nanoTime() - start) / 1e9);
    return 0;
  }

  private void validate() {
    if (rate != null && !(rate > 0)) {
      throw new ParameterException(
          spec.commandLine(), "--rate must be above 0 events per second, not " + rate);
    }
    if (!(holdout >= 0 && holdout <= 1)) {
      throw new ParameterException(
          spec.commandLine(), "--holdout must lie in [0, 1], not " + holdout);
    }
    if (!events.equals(STANDARD_INPUT) && !Files.isReadable(Path.of(events))) {
      throw new ParameterException(
          spec.commandLine(), "--events: there is no readable file " + events);
    }
  }

  private void feed(InteractionProducer producer) throws IOException, InterruptedException {
    try (EventFile file = new EventFile(open(), name())) {
      feed(file, producer);
    } catch (IOException | IllegalArgumentException e) {
      // who runs it again must know where to go on
      producer.flush();
      throw new IOException(
          String.format(
              Locale.ROOT, "%s; %,d events before it were sent", e.getMessage(), producer.sent()),
          e);
    }
    producer.flush();
  }

  private void feed(EventFile file, InteractionProducer producer)
      throws IOException, InterruptedException {
    Predicate<String> isHeldOut = HeldOutUsers.fraction(holdout);
    for (Optional<EventFile.Line> next = file.next(); next.isPresent(); next = file.next()) {
      if (next.get() instanceof EventFile.Event event) {
        Interaction interaction = event.interaction();
        if (excludeBots && event.bot()) {
          bots++;
        } else if (isHeldOut.test(interaction.getUserId())) {
          heldOut++;
        } else {
          try {
            producer.send(interaction);
          } catch (IllegalArgumentException e) {
            badLines.reject(new EventFile.Fault(event.number(), e.getMessage()).in(name()));
          }
        }
      } else if (next.get() instanceof EventFile.Fault fault) {
        badLines.reject(fault.in(name()));
      }
    }
  }

  private String name() {
    return events.equals(STANDARD_INPUT)
        ? "standard input"
        : Path.of(events).getFileName().toString();
  }

  private InputStream open() throws IOException {
    boolean standardInput = events.equals(STANDARD_INPUT);
    InputStream raw = standardInput ? System.in : Files.newInputStream(Path.of(events));
    if (progress == null ? System.console() != null : progress) {
      raw =
          Progress.ofReading(
              raw,
              "produce",
              standardInput ? -1 : Files.size(Path.of(events)),
              spec.commandLine().getErr(),
              System.console() != null);
    }
    return raw;
  }

  private void report(long produced, double seconds) {
    PrintWriter out = spec.commandLine().getOut();
    if (json) {
      ObjectNode summary = new ObjectMapper().createObjectNode();
      summary.put("produced", produced).put("bad_lines", badLines.count()).put("bot_events", bots);
      summary.put("held_out_events", heldOut).put("seconds", seconds);
      out.println(summary);
    } else {
      out.printf("%,d events written to %s in %.1f s%n", produced, topic.name(), seconds);
      out.printf(
          "left out: %,d bad lines, %,d events of bots, %,d of users held out%n",
          badLines.count(), bots, heldOut);
    }
    out.flush();
  }
}
