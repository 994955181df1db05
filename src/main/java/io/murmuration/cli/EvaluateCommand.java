package io.murmuration.cli;

import com.fasterxml.jackson.databind.ObjectMapper;
import io.murmuration.model.AdaptedModel;
import io.murmuration.model.TextLoss;
import java.io.IOException;
import java.io.PrintWriter;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/** {@code murmuration evaluate}: how well a model predicts a file of messages. */
@Command(
    name = "evaluate",
    mixinStandardHelpOptions = true,
    description = "Negative log likelihood of messages under a model, per token and per character.",
    footer =
        "%nBeginning of text stands before each message, control tokens in a message are text, and"
            + " a message is cut at the context.")
final class EvaluateCommand implements Callable<Integer> {

  @Spec private CommandSpec spec;
  @Mixin private ModelOptions model;
  @Mixin private BadLineOptions badLines;

  @Option(
      names = "--events",
      required = true,
      paramLabel = "FILE",
      description = "JSON lines, plain or gzip, each with a \"text\".")
  private Path events;

  @Option(
      names = "--max-messages",
      paramLabel = "N",
      description = "Only the first N messages (default: all).")
  private long maxMessages = Long.MAX_VALUE;

  @Option(
      names = "--context",
      paramLabel = "N",
      description = "Tokens a message, beginning of text included (default: the model's).")
  private int context = Integer.MAX_VALUE;

  @Option(names = "--json", description = "Print one JSON object.")
  private boolean json;

  @Override
  public Integer call() throws IOException {
    if (maxMessages < 1) {
      throw new ParameterException(
          spec.commandLine(), "--max-messages must be at least 1, given " + maxMessages);
    }
    if (context < 2) {
      throw new ParameterException(
          spec.commandLine(), "--context must be at least 2, given " + context);
    }
    List<String> texts = TextFile.read(events, maxMessages, badLines::reject);
    try (AdaptedModel subject = model.load()) {
      subject.requireSound();
      print(subject.evaluate(texts, context), subject.model().description().beginningOfText());
    }
    return 0;
  }

  private void print(TextLoss loss, int beginningOfText) throws IOException {
    if (loss.tokens() == 0) {
      throw new IllegalArgumentException(events + ": expected a text with a token, found none");
    }
    if (!Double.isFinite(loss.nats())) {
      throw new IllegalArgumentException(
          "%s: expected a finite loss, found %s nats".formatted(events, loss.nats()));
    }
    PrintWriter out = spec.commandLine().getOut();
    if (json) {
      Map<String, Object> fields = new LinkedHashMap<>();
      fields.put("nll_per_token", loss.nllPerToken());
      fields.put("nll_per_char", loss.nllPerChar());
      fields.put("tokens", loss.tokens());
      fields.put("characters", loss.characters());
      fields.put("messages", loss.texts());
      fields.put("bad_lines", badLines.count());
      fields.put("beginning_of_text", beginningOfText);
      out.println(new ObjectMapper().writeValueAsString(fields));
    } else {
      out.printf(
          Locale.ROOT,
          "%.4f nats a token, %.4f a character, over %d messages of %d tokens%s%n",
          loss.nllPerToken(),
          loss.nllPerChar(),
          loss.texts(),
          loss.tokens(),
          badLines.summary());
    }
  }
}
