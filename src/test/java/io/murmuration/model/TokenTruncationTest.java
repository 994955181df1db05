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

  @Test
  void text_keepsItsBeginning_andAPromptItsEnd() throws Exception {
    try (Truncation truncation = tiny()) {
      assertThat(truncation.cut(event(null, "abcdefghijklmnop")).text()).isEqualTo("abcdefghijk");
      UserEvent both = truncation.cut(event("ABCDEFGHIJ", "abcdefghijklmnop"));
      assertThat(both.prompt()).isEqualTo("FGHIJ");
      assertThat(both.text()).isEqualTo("abcdef");
      UserEvent longPrompt = truncation.cut(event("ABCDEFGHIJKLMNOP", "abc"));
      assertThat(longPrompt.prompt()).isEqualTo("IJKLMNOP");
      assertThat(longPrompt.text()).isEqualTo("abc");
    }
  }

  @Test
  void whatFits_andErasures_stayAsTheyAre() throws Exception {
    try (Truncation truncation = tiny()) {
      UserEvent exact = event("ABCDE", "abcdef");
      assertThat(truncation.cut(exact)).isSameAs(exact);
      UserEvent brief = event(null, "a");
      assertThat(truncation.cut(brief)).isSameAs(brief);
      UserEvent erasure = UserEvent.erasure("ann", "e2", 2);
      assertThat(truncation.cut(erasure)).isSameAs(erasure);
    }
  }

  @Test
  void codePointsOutsideTheVocabulary_stayWhole() throws Exception {
    try (Truncation truncation = tiny()) {
      UserEvent cut = truncation.cut(event(null, "a🐦b🐦c🐦d🐦e🐦f🐦g🐦h🐦"));
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
      assertThatThrownBy(() -> truncation.cut(event(null, "abcdefghijklmnop")))
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
      for (String text : texts) {
        String other = texts.get(random.nextInt(texts.size()));
        UserEvent whole = event(random.nextBoolean() ? other : null, text);
        UserEvent left = truncation.cut(whole);
        assertThat(tokenizer.encode(left.prompt(), left.text(), MAX_TOKENS).ids())
            .isEqualTo(tokenizer.encode(whole.prompt(), whole.text(), MAX_TOKENS).ids());
        assertThat(tokenizer.tokens(left.text()).count())
            .isLessThan(MAX_TOKENS + TokenTruncation.MORE_TOKENS + 1);
        cut += left == whole ? 0 : 1;
      }
    }
    assertThat(cut).isGreaterThan(texts.size() / 2);
  }
}
