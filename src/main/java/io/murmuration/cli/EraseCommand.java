package io.murmuration.cli;

import io.murmuration.event.EventEncoder;
import io.murmuration.event.InteractionProducer;
import io.murmuration.event.JsonLines;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** {@code murmuration erase}: has the job forget users. */
@Command(
    name = "erase",
    description = {
      "Writes a tombstone for each user to every partition: the job drops everything that it holds"
          + " of them, and what they sent before comes back from no partition.",
      "Earlier records in topics, and checkpoints and savepoints, go with their retention. No"
          + " budget comes back."
    },
    mixinStandardHelpOptions = true)
final class EraseCommand implements Callable<Integer> {

  /** What a decoder puts in the place of bytes that its encoding does not have. */
  private static final char REPLACEMENT = '\ufffd';

  @Spec private CommandSpec spec;
  @Mixin private InteractionsTopic topic;

  @Parameters(arity = "0..*", paramLabel = "USER", description = "User ids.")
  private List<String> users = List.of();

  @Option(
      names = "--users",
      paramLabel = "FILE",
      description =
          "JSON lines, plain or gzip, each with a user_id: for ids that a terminal cannot carry,"
              + " and for many.")
  private Path file;

  @Override
  public Integer call() throws IOException, InterruptedException {
    List<String> all = all();
    try (InteractionProducer producer =
        topic.producer(InteractionProducer.UNLIMITED, EventEncoder.avro())) {
      for (String user : all) {
        producer.erase(user);
      }
      producer.flush();
    }
    spec.commandLine()
        .getOut()
        .printf("%,d users erased in every partition of %s%n", all.size(), topic.name());
    return 0;
  }

  /** All of them, read before the first is erased. */
  private List<String> all() throws IOException {
    for (String user : users) {
      if (user.isBlank()) {
        throw new ParameterException(spec.commandLine(), "a user id must not be empty");
      }
      if (user.indexOf(REPLACEMENT) >= 0) {
        throw new ParameterException(
            spec.commandLine(),
            "the user id %s came with a replacement character: the locale (%s) does not carry it; set LC_ALL=C.UTF-8, or give the id with --users"
                .formatted(user, System.getProperty("sun.jnu.encoding")));
      }
    }
    List<String> all = new ArrayList<>(users);
    if (file != null) {
      try (JsonLines lines = JsonLines.open(file)) {
        for (Optional<JsonLines.Line> next = lines.next(); next.isPresent(); next = lines.next()) {
          all.add(userId(next.get()));
        }
      }
    }
    if (all.isEmpty()) {
      throw new ParameterException(
          spec.commandLine(), "at least one user id is required, given or in --users");
    }
    return all;
  }

  private String userId(JsonLines.Line line) {
    String fault = "user_id must not be empty";
    if (line instanceof JsonLines.Value value) {
      try {
        String user = value.requiredText("user_id");
        if (!user.isEmpty()) {
          return user;
        }
      } catch (IllegalArgumentException e) {
        fault = e.getMessage();
      }
    } else if (line instanceof JsonLines.Fault read) {
      fault = read.reason();
    }
    throw new IllegalArgumentException(
        new JsonLines.Fault(line.number(), fault).in(file) + "; nobody was erased");
  }
}
