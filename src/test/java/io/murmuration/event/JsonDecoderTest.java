package io.murmuration.event;

import static io.murmuration.event.RawRecords.record;
import static io.murmuration.event.RawRecords.utf8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.constraints.IntRange;
import net.jqwik.api.constraints.NotBlank;
import net.jqwik.api.constraints.Size;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** JSON values: read as they are meant, or dead letters with the reason. */
class JsonDecoderTest {

  private static final String HELLO =
      """
      {"user_id":"ann","event_time":"2026-01-01T10:00:00.123+02:00","text":"hello 🐦","prompt":"p"}\
      """;

  private static final InteractionReader READER = reader(FieldPaths.DEFAULTS, TimeFormat.ISO);

  private static InteractionReader reader(FieldPaths paths, TimeFormat time) {
    return new InteractionReader(InteractionRules.DEFAULTS, EventFormat.json(paths, time));
  }

  private static UserEvent read(String json) throws Exception {
    return READER.read(record(utf8("ann"), utf8(json)));
  }

  private static RejectedRecordException rejected(InteractionReader reader, byte[] value) {
    return catchThrowableOfType(
        RejectedRecordException.class, () -> reader.read(record(utf8("ann"), value)));
  }

  @Test
  void anObjectIsReadAsWritten_andFieldsItDoesNotKnowArePassedOver() throws Exception {
    UserEvent hello = UserEvent.interaction("ann", "", 1_767_254_400_123L, "p", "hello 🐦");
    assertThat(read(HELLO)).isEqualTo(hello);
    assertThat(read(HELLO.replace("{\"user", "{\"event_id\":7,\"x\":[{\"y\":null}],\"user")))
        .isEqualTo(UserEvent.interaction("ann", "7", hello.eventTimeMillis(), "p", "hello 🐦"));
    assertThat(read(HELLO.replace("\"p\"", "null")).prompt()).isNull();
  }

  @Test
  void tombstonesAndTheFlagErase_andAnErasureNeedsNoText() throws Exception {
    assertThat(READER.read(record(utf8("ann"), null)).isErasure()).isTrue();
    assertThat(read("{\"user_id\":\"ann\",\"event_time\":\"1970-01-01T00:00:00Z\",\"erase\":true}"))
        .isEqualTo(UserEvent.erasure("ann", "", 0));
  }

  @Test
  void fieldsStandWhereTheConfigurationSays() throws Exception {
    FieldPaths paths =
        new FieldPaths(
            FieldPath.of("actor.id"),
            FieldPath.of("at"),
            FieldPath.of("body.message.text"),
            FieldPath.of("body.context"),
            FieldPath.of("id"),
            FieldPath.of("gdpr.forget"));
    InteractionReader nested = reader(paths, TimeFormat.MILLIS);
    assertThat(
            nested.read(
                record(
                    utf8("ann"),
                    utf8(
                        """
                        {"actor":{"id":"ann"},"at":5,"id":"e1","body":{"message":{"text":"hi"}},"gdpr":null}\
                        """))))
        .isEqualTo(UserEvent.interaction("ann", "e1", 5, null, "hi"));
    assertThat(rejected(nested, utf8("{\"actor\":\"ann\",\"at\":5}")))
        .hasMessage("actor.id must lie in an object, found a string")
        .extracting(RejectedRecordException::reason)
        .isEqualTo(RejectionReason.MALFORMED_VALUE);
    assertThat(rejected(nested, utf8("{\"actor.id\":\"ann\",\"at\":5}")))
        .hasMessage("a string actor.id is required");
  }

  @ParameterizedTest
  @CsvSource({
    "SECONDS, 1700000000, 1700000000000",
    "SECONDS, 1700000000.1239, 1700000000123",
    "SECONDS, -0.0001, -1",
    "MILLIS, 1700000000123, 1700000000123",
    "MILLIS, 1.7e12, 1700000000000",
    "MICROS, 1700000000123999, 1700000000123",
    "MICROS, -1, -1",
  })
  void aNumberIsReadInTheUnitThatIsConfigured(TimeFormat format, String number, long millis)
      throws Exception {
    UserEvent event =
        reader(FieldPaths.DEFAULTS, format).read(record(utf8("ann"), utf8(withTime(number))));
    assertThat(event.eventTimeMillis()).isEqualTo(millis);
  }

  @ParameterizedTest
  @CsvSource({
    "ISO, 1700000000, found a number",
    "ISO, \"2026-01-01T10:00:00\", event_time is not an ISO 8601 instant",
    "ISO, \"+1000000000-01-01T00:00:00Z\", lies further from 1970",
    "ISO, null, found null",
    "SECONDS, \"1700000000\", found a string",
    "SECONDS, 9e18, lies further from 1970",
    "SECONDS, 1e999999999, lies further from 1970",
    "MILLIS, 1.5, must be a whole number of milliseconds",
    "MILLIS, 92233720368547758070, lies further from 1970",
    "MICROS, true, found true or false",
  })
  void aTimeOfAnotherFormIsADeadLetter_neverGuessed(
      TimeFormat format, String time, String message) {
    assertThat(rejected(reader(FieldPaths.DEFAULTS, format), utf8(withTime(time))))
        .hasMessageContaining(message)
        .extracting(RejectedRecordException::reason)
        .isIn(RejectionReason.MALFORMED_VALUE, RejectionReason.NOT_JSON);
  }

  private static String withTime(String time) {
    return "{\"user_id\":\"ann\",\"text\":\"hi\",\"event_time\":%s}".formatted(time);
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "",
        " ",
        "null",
        "7",
        "[{}]",
        "{\"user_id\":\"ann\"",
        "{\"user_id\":\"ann\",\"user_id\":\"bob\"}",
        "{\"user_id\":\"ann\",\"x\":{\"a\":1,\"a\":2}}",
        "{} {}",
        "{}x",
        "{'user_id':'ann'}",
        "{\"user_id\":\"ann\",}",
        "{\"user_id\":NaN}",
        "// c\n{}",
        "\ufeff{}",
        "hello",
      })
  void whatIsNotExactlyOneObjectIsADeadLetter_thatDoesNotQuoteIt(String value) {
    assertThat(rejected(READER, utf8(value)))
        .hasMessageNotContaining("ann")
        .hasMessageNotContaining("hello")
        .extracting(RejectedRecordException::reason)
        .isEqualTo(RejectionReason.NOT_JSON);
  }

  @Test
  void depthBeyondReasonAndConfluentsHeaderAreDeadLetters() {
    assertThat(rejected(READER, utf8("{\"a\":".repeat(100_000))).reason())
        .isEqualTo(RejectionReason.NOT_JSON);
    assertThat(rejected(READER, new byte[] {0, 0, 0, 0, 1, '{', '}'}))
        .hasMessageContaining("Confluent's wire format");
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "\"user_id\":7",
        "\"user_id\":null",
        "\"text\":[\"hello\"]",
        "\"prompt\":{}",
        "\"erase\":\"true\"",
        "\"event_id\":1.5",
        "\"text\":\"\\ud800\"",
        "\"user_id\":\"ann\\ud800\"",
      })
  void aFieldOfAnotherTypeIsADeadLetter(String field) throws Exception {
    ObjectNode object = (ObjectNode) new ObjectMapper().readTree(HELLO);
    ObjectNode other = (ObjectNode) new ObjectMapper().readTree("{" + field + "}");
    object.setAll(other);
    String json = object.toString();
    assertThat(rejected(READER, utf8(field.contains("\\u") ? raw(field) : json)).reason())
        .isEqualTo(RejectionReason.MALFORMED_VALUE);
  }

  /** The field as it was written: a half pair does not survive being written again. */
  private static String raw(String field) {
    String name = field.substring(0, field.indexOf(':'));
    return HELLO.replaceFirst(name + ":\"[^\"]*\"", field.replace("\\", "\\\\"));
  }

  @Test
  void malformedUtf8AndAnotherKeyAreDeadLetters() {
    byte[] latin = HELLO.replace("🐦", "é").getBytes(StandardCharsets.ISO_8859_1);
    assertThat(rejected(READER, latin).reason()).isEqualTo(RejectionReason.INVALID_UTF8);
    assertThat(rejected(READER, utf8(HELLO.replace("ann", "bob"))).reason())
        .isEqualTo(RejectionReason.KEY_MISMATCH);
  }

  @Property(tries = 300, seed = "20")
  void whatAnotherWriterWritesIsReadBack(
      @ForAll @NotBlank String text, @ForAll String prompt, @ForAll long millis) throws Exception {
    if (!WellFormed.isWellFormed(text) || !WellFormed.isWellFormed(prompt)) {
      return;
    }
    ObjectNode object =
        new ObjectMapper()
            .createObjectNode()
            .put("user_id", "ann")
            .put("event_time", millis)
            .put("text", text)
            .put("prompt", prompt);
    UserEvent event =
        reader(FieldPaths.DEFAULTS, TimeFormat.MILLIS)
            .read(record(utf8("ann"), utf8(object.toString())));
    assertThat(event).isEqualTo(UserEvent.interaction("ann", "", millis, prompt, text));
  }

  @Property(tries = 1000, seed = "20")
  void anyBytesAreReadOrRejected_nothingElse(
      @ForAll @Size(max = 40) byte[] bytes,
      @ForAll @IntRange(max = 200) int position,
      @ForAll byte replacement)
      throws Exception {
    byte[] flipped = utf8(HELLO);
    flipped[position % flipped.length] = replacement;
    byte[] cut = Arrays.copyOf(utf8(HELLO), position);
    for (byte[] value : new byte[][] {bytes, flipped, cut}) {
      try {
        assertThat(READER.read(record(utf8("ann"), value)).userId()).isEqualTo("ann");
      } catch (RejectedRecordException e) {
        assertThat(e).hasMessageNotContaining("hello");
      }
    }
  }
}
