package io.murmuration.model;

import static org.assertj.core.api.Assertions.assertThat;

import ai.djl.huggingface.tokenizers.HuggingFaceTokenizer;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import net.jqwik.api.Arbitraries;
import net.jqwik.api.Arbitrary;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.Provide;
import net.jqwik.api.lifecycle.AfterContainer;
import net.jqwik.api.lifecycle.BeforeContainer;

/** Over tokenizers of every model, and the shared pretrained ones where they are there. */
class ControlTokensPropertyTest {

  private record Subject(
      TextTokenizer tokenizer, HuggingFaceTokenizer original, TokenizerFile file) {}

  private static final Map<String, Subject> SUBJECTS = new LinkedHashMap<>();

  @BeforeContainer
  static void load() throws IOException {
    Path root = Files.createTempDirectory("tokenizers");
    for (TinyTokenizers kind : TinyTokenizers.values()) {
      add(kind.name(), kind.write(root.resolve(kind.name()), true));
    }
    String shared = System.getProperty("murmuration.shared");
    Path models = Path.of(shared == null ? "." : shared).resolve("models");
    if (Files.isDirectory(models)) {
      try (var directories = Files.list(models)) {
        for (Path model : directories.sorted().toList()) {
          if (Files.exists(model.resolve("tokenizer.json"))) {
            add(model.getFileName().toString(), model);
          }
        }
      }
    }
  }

  private static void add(String name, Path directory) throws IOException {
    DecoderDescription model = ModelDirectory.described(directory);
    SUBJECTS.put(
        name,
        new Subject(
            TextTokenizer.load(directory, model),
            HuggingFaceTokenizer.newInstance(
                directory.resolve("tokenizer.json"),
                Map.of("addSpecialTokens", "false", "truncation", "false", "padding", "false")),
            TokenizerFile.read(directory, Set.of(model.beginningOfText()))));
  }

  @AfterContainer
  static void close() {
    SUBJECTS
        .values()
        .forEach(
            subject -> {
              subject.tokenizer().close();
              subject.original().close();
            });
    SUBJECTS.clear();
  }

  @Provide
  Arbitrary<String> subjects() {
    return Arbitraries.of(SUBJECTS.keySet());
  }

  /** Pieces of control tokens, whole ones, their look-alikes after normalization, and words. */
  @Provide
  Arbitrary<String> texts() {
    List<String> pieces =
        new ArrayList<>(
            List.of(
                "<", ">", "/", "s", "</", "|", "<|", "|>", "im_end", "<tool>", " ", "▁", "\n",
                "cat", "the", "é", "＜/ｓ＞", "＜ｓ＞", "\u200b", "<0x0A>", "🐦", "</S>", "unk",
                "<unk>"));
    SUBJECTS.values().forEach(subject -> pieces.addAll(subject.file().control().values()));
    return Arbitraries.oneOf(Arbitraries.of(pieces), Arbitraries.strings().ofMaxLength(3))
        .list()
        .ofMinSize(1)
        .ofMaxSize(12)
        .map(all -> String.join("", all));
  }

  @Property(seed = "20")
  void noTextComesToAControlToken(@ForAll("subjects") String name, @ForAll("texts") String text) {
    Subject subject = SUBJECTS.get(name);
    Collection<Integer> forbidden = subject.file().forbidden();
    long[] ids = subject.tokenizer().tokens(text).ids();
    assertThat(Arrays.stream(ids).filter(id -> forbidden.contains((int) id)).toArray()).isEmpty();
  }

  @Property(seed = "20")
  void textWithoutControlTokensEncodesAsTheFileSays(
      @ForAll("subjects") String name, @ForAll("texts") String text) {
    Subject subject = SUBJECTS.get(name);
    Collection<Integer> control = subject.file().control().keySet();
    long[] expected = subject.original().encode(text, false, false).getIds();
    boolean ordinary = Arrays.stream(expected).noneMatch(id -> control.contains((int) id));
    if (ordinary) {
      assertThat(subject.tokenizer().tokens(text).ids()).isEqualTo(expected);
    }
  }
}
