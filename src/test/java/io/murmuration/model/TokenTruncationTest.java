package io.murmuration.model;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.murmuration.event.EventFile;
import io.murmuration.event.RejectedRecordException;
import io.murmuration.event.RejectionReason;
import io.murmuration.event.Truncation;
import io.murmuration.event.UserEvent;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import org.apache.flink.util.InstantiationUtil;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class TokenTruncationTest {

  private static final int MAX_TOKENS = 12;

  @TempDir private Path directory;

  private static UserEvent event(String prompt, String text) {
    return UserEvent.interaction("ann", "e1", 1, prompt, text);
  }

  private Truncation tiny() throws IOException, ClassNotFoundException {
    TinyModels.describe(directory, TinyModels.GPT2);
    return InstantiationUtil.clone(TokenTruncation.factory(directory, MAX_TOKENS)).open();
  }

  /** Without a space, and so long that a tokenizer cuts it. */
  private static String letters(String alphabet) {
    return alphabet.repeat(20);
  }

  @Test
  void aLongTextWithoutSpaces_keepsItsBeginning_andAPromptItsEnd() throws Exception {
    String text = letters("abcdefghijklmnop");
    try (Truncation truncation = tiny()) {
      assertThat(truncation.cut(event(null, text)).text()).isEqualTo("abcdefghijk");
      UserEvent both = truncation.cut(event("ABCDEFGHIJ", text));
      assertThat(both.prompt()).isEqualTo("FGHIJ");
      assertThat(both.text()).isEqualTo("abcdef");
      UserEvent longPrompt = truncation.cut(event(letters("ABCDEFGHIJKLMNOP"), "abc"));
      assertThat(longPrompt.prompt()).isEqualTo("IJKLMNOP");
      assertThat(longPrompt.text()).isEqualTo("abc");
    }
  }

  @Test
  void wordsBeyondTheLimit_areCutWithoutTheTokenizer() throws Exception {
    TinyModels.describe(directory, TinyModels.GPT2);
    TextTokenizer closed = TextTokenizer.load(directory, ModelDirectory.described(directory));
    closed.close();
    String eleven = "a b c d e f g h i j k";
    try (Truncation truncation = new TokenTruncation(closed, MAX_TOKENS)) {
      assertThat(truncation.cut(event(null, eleven + " l m n")).text()).isEqualTo(eleven);
      UserEvent both = truncation.cut(event("X Y " + eleven, eleven + " l"));
      assertThat(both.prompt()).isEqualTo(" " + eleven);
      assertThat(both.text()).isEqualTo(eleven);
    }
  }

  @Test
  void whatIsNotMuchTooLong_andErasures_stayAsTheyAre() throws Exception {
    try (Truncation truncation = tiny()) {
      UserEvent exact = event("ABCDE", "abcdef");
      assertThat(truncation.cut(exact)).isSameAs(exact);
      UserEvent brief = event(null, "a");
      assertThat(truncation.cut(brief)).isSameAs(brief);
      UserEvent longer = event("x".repeat(60), "y".repeat(116));
      assertThat(truncation.cut(longer)).isSameAs(longer);
      assertThat(truncation.cut(event("x".repeat(60), "y".repeat(117)))).isNotEqualTo(longer);
      UserEvent erasure = UserEvent.erasure("ann", "e2", 2);
      assertThat(truncation.cut(erasure)).isSameAs(erasure);
    }
  }

  @Test
  void codePointsOutsideTheVocabulary_stayWhole() throws Exception {
    try (Truncation truncation = tiny()) {
      UserEvent cut = truncation.cut(event(null, letters("a🐦b🐦c🐦d🐦e🐦f🐦g🐦h🐦")));
      assertThat(cut.text()).isEqualTo("a🐦b🐦c🐦d🐦e🐦f");
    }
  }

  @Test
  void factory_namesWhatIsMissing() {
    assertThatThrownBy(() -> TokenTruncation.factory(directory, 1)).hasMessageContaining("2");
    Truncation.Factory nowhere = TokenTruncation.factory(directory.resolve("nowhere"), 8);
    assertThatThrownBy(nowhere::open).hasMessageContaining("nowhere");
  }

  @Test
  void textThatTheTokenizerFailsOn_isRejected_andNothingElseIsThrown() throws Exception {
    TinyModels.describe(directory, TinyModels.GPT2);
    TextTokenizer closed = TextTokenizer.load(directory, ModelDirectory.described(directory));
    closed.close();
    try (Truncation truncation = new TokenTruncation(closed, MAX_TOKENS)) {
      assertThatThrownBy(() -> truncation.cut(event(null, letters("abcdefghijklmnop"))))
          .isInstanceOfSatisfying(
              RejectedRecordException.class,
              e -> assertThat(e.reason()).isEqualTo(RejectionReason.NOT_TOKENIZABLE));
    }
  }

  @Test
  void whatIsLeftOfRealMessages_encodesAsTheWholeDid() throws Exception {
    List<String> texts = new ArrayList<>();
    try (EventFile file = EventFile.open(SharedModels.path("data/ubuntu-irc.sample2000.jsonl"))) {
      for (var line = file.next(); line.isPresent(); line = file.next()) {
        texts.add(((EventFile.Event) line.get()).interaction().getText());
      }
    }
    Random random = new Random(5);
    Path model = SharedModels.path("models/stories260K");
    int cut = 0;
    try (TextTokenizer tokenizer = TextTokenizer.load(model, ModelDirectory.described(model));
        Truncation truncation = TokenTruncation.factory(model, MAX_TOKENS).open()) {
      for (int i = 0; i < texts.size(); i++) {
        String text = texts.get(i);
        String other = texts.get(random.nextInt(texts.size()));
        if (i % 4 == 0) {
          // so that the tokenizer has to cut
          text = text.replace(" ", "").repeat(20);
        }
        UserEvent whole = event(random.nextBoolean() ? other : null, text);
        UserEvent left = truncation.cut(whole);
        assertThat(tokenizer.encode(left.prompt(), left.text(), MAX_TOKENS).ids())
            .isEqualTo(tokenizer.encode(whole.prompt(), whole.text(), MAX_TOKENS).ids());
        assertThat(left.text().length())
            .isLessThanOrEqualTo(TokenTruncation.CHARACTERS_A_TOKEN * (MAX_TOKENS - 1));
        cut += left == whole ? 0 : 1;
      }
    }
    assertThat(cut).isGreaterThan(texts.size() / 4);
  }
}
