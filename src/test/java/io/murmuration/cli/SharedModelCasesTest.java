package io.murmuration.cli;

import static org.assertj.core.api.Assertions.assertThat;

import io.murmuration.model.SharedModels;
import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import picocli.CommandLine;

/**
 * Models and adapters that other programs' users met, with the loss that transformers 5.18 and peft
 * 0.21 compute: right, or refused by name.
 */
class SharedModelCasesTest {

  @TempDir Path directory;

  @ParameterizedTest
  @CsvSource({
    "base, , texts.jsonl, 4.6634, 56",
    "base, , forged.jsonl, 4.9912, 11",
    "base, adapter-regex, texts.jsonl, 4.8753, 56",
    "tied-own-head, , texts.jsonl, 4.6634, 56",
    "qwen2-no-bos, , texts.jsonl, 4.6894, 56",
  })
  void evaluates(String model, String adapter, String events, String nats, int tokens) {
    String said =
        run(0, new EvaluateCommand(), arguments(model, adapter, "--events", cases(events)));
    assertThat(said).startsWith(nats + " nats a token").contains("of " + tokens + " tokens");
  }

  @ParameterizedTest
  @CsvSource({
    "bos-outside, , 'bos_token_id: expected an id below vocab_size, 41, found 128000'",
    "nan-weight, , 'tensor '",
    "base, adapter-pissa, 'init_lora_weights: expected true, false'",
  })
  void refuses(String model, String adapter, String reason) {
    List<String> read = arguments(model, adapter);
    assertThat(run(1, new EvaluateCommand(), with(read, "--events", cases("texts.jsonl"))))
        .contains(reason)
        .hasLineCount(1);
    assertThat(run(1, new GenerateCommand(), with(read, "--prompt", "the"))).contains(reason);
    if (adapter != null) {
      String out = directory.resolve("merged").toString();
      assertThat(run(1, new MergeCommand(), with(read, "--out", out))).contains(reason);
    }
  }

  @Test
  void aMergedModelIsTheOneThatWasTrained() {
    String out = directory.resolve("merged").toString();
    run(0, new MergeCommand(), with(arguments("base", "adapter-regex"), "--out", out));
    assertThat(
            run(
                0,
                new EvaluateCommand(),
                List.of("--model", out, "--events", cases("texts.jsonl"))))
        .startsWith("4.8753");
  }

  @Test
  void whatIsWrittenOfAModelWithAHeadOfItsOwnSaysSo() throws Exception {
    Path target = directory.resolve("merged");
    run(
        0,
        new MergeCommand(),
        with(arguments("tied-own-head", "adapter-regex"), "--out", target.toString()));
    assertThat(Files.readString(target.resolve("config.json")))
        .containsPattern("\"tie_word_embeddings\" : false");
  }

  @Test
  void evaluateNamesFileAndLineOfWhatIsNoEvent() {
    String file = cases("bad-third-line.jsonl");
    assertThat(run(1, new EvaluateCommand(), with(arguments("base", null), "--events", file)))
        .contains("line 3 of " + file)
        .hasLineCount(1);
  }

  /**
   * Every shared case has a test that names it: models and adapters here and in {@link
   * RunCommandTest}, files of events in {@code SharedEventCasesTest}, what is sent of them in
   * {@link ProduceCommandTest}.
   */
  @Test
  void everySharedCaseIsTried() throws IOException {
    StringBuilder tests = new StringBuilder();
    for (String test :
        List.of(
            "cli/SharedModelCasesTest",
            "cli/RunCommandTest",
            "cli/ProduceCommandTest",
            "event/SharedEventCasesTest")) {
      tests.append(Files.readString(Path.of("src/test/java/io/murmuration/" + test + ".java")));
    }
    try (Stream<Path> cases = Files.list(SharedModels.path("cases"))) {
      assertThat(cases.map(path -> path.getFileName().toString()))
          .filteredOn(name -> !name.equals("README.md"))
          .hasSizeGreaterThan(10)
          .allSatisfy(name -> assertThat(tests.toString()).contains(name));
    }
  }

  private static String cases(String name) {
    return SharedModels.path("cases/" + name).toString();
  }

  private static List<String> arguments(String model, String adapter, String... more) {
    List<String> all = new ArrayList<>(List.of("--model", cases(model)));
    if (adapter != null) {
      all.addAll(List.of("--adapter", cases(adapter)));
    }
    all.addAll(List.of(more));
    return all;
  }

  private static List<String> with(List<String> arguments, String... more) {
    List<String> all = new ArrayList<>(arguments);
    all.addAll(List.of(more));
    return all;
  }

  private static String run(int expectedExit, Object command, List<String> arguments) {
    StringWriter out = new StringWriter();
    StringWriter err = new StringWriter();
    int exit =
        Murmuration.commandLine()
            .setOut(new PrintWriter(out, true))
            .setErr(new PrintWriter(err, true))
            .execute(
                with(List.of(name(command)), arguments.toArray(String[]::new))
                    .toArray(String[]::new));
    assertThat(exit).as(err.toString()).isEqualTo(expectedExit);
    return exit == 0 ? out.toString() : err.toString();
  }

  private static String name(Object command) {
    return command.getClass().getAnnotation(CommandLine.Command.class).name();
  }
}
