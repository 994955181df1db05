package io.murmuration.event;

import static io.murmuration.event.RawRecords.record;
import static io.murmuration.event.RawRecords.utf8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import io.murmuration.event.avro.Interaction;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.util.Arrays;
import java.util.List;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.constraints.IntRange;
import net.jqwik.api.constraints.Size;
import org.apache.avro.Schema;
import org.apache.avro.generic.GenericData;
import org.apache.avro.generic.GenericRecord;
import org.apache.avro.message.BinaryMessageEncoder;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class InteractionReaderTest {

  private static final InteractionRules RULES = new InteractionRules(10_000, 32, 100, 50, 20, 10);
  private static final UserEvent HELLO =
      UserEvent.interaction("ann", "e1", 1234L, "before", "hello 🐦");

  private static final InteractionReader READER =
      new InteractionReader(RULES, EventFormat.avro(WriterSchemas.builtIn()));

  private RejectionReason reasonOf(RawRecord record) {
    return catchThrowableOfType(RejectedRecordException.class, () -> READER.read(record)).reason();
  }

  private static UserEvent saying(String prompt, String text) {
    return UserEvent.interaction("ann", "e1", 0, prompt, text);
  }

  @Test
  void validEvent_isReadAsWritten() throws Exception {
    assertThat(READER.read(RawRecords.of(HELLO))).isEqualTo(HELLO);
  }

  @Test
  void encoding_isThatOfTheGeneratedClass() throws Exception {
    Interaction interaction =
        new Interaction("e1", "ann", Instant.ofEpochMilli(1234), "before", "hello 🐦", false);
    assertThat(ByteBuffer.wrap(InteractionCodec.encode(HELLO)))
        .isEqualTo(interaction.toByteBuffer());
  }

  @Test
  void confluentsWireFormat_isRejectedWithAReasonThatHelps() {
    byte[] value = new byte[40];
    value[4] = 7;
    assertThatExceptionOfType(RejectedRecordException.class)
        .isThrownBy(() -> READER.read(record(utf8("ann"), value)))
        .withMessageContaining("Confluent's wire format, schema id 7")
        .withMessageContaining("which is read with events.format AVRO_REGISTRY")
        .extracting(RejectedRecordException::reason)
        .isEqualTo(RejectionReason.NOT_SINGLE_OBJECT_ENCODED);
  }

  @Test
  void tombstone_erases() throws Exception {
    assertThat(READER.read(record(utf8("ann"), null)))
        .isEqualTo(UserEvent.erasure("ann", "", 1_700_000_000_000L));
  }

  @Test
  void erasureFlag_erases_whateverTheText() throws Exception {
    UserEvent erasure = UserEvent.erasure("ann", "e2", 5);
    assertThat(READER.read(RawRecords.of(erasure))).isEqualTo(erasure);
  }

  @Test
  void formerSchema_isStillRead() throws Exception {
    Schema former = WriterSchemas.builtIn().get(1);
    GenericRecord old = new GenericData.Record(former);
    old.put("event_id", "e1");
    old.put("user_id", "ann");
    old.put("event_time", 1234L);
    old.put("prompt", "before");
    old.put("text", "hello 🐦");
    ByteBuffer encoded =
        new BinaryMessageEncoder<GenericRecord>(GenericData.get(), former).encode(old);
    byte[] value = Arrays.copyOf(encoded.array(), encoded.limit());
    assertThat(READER.read(record(utf8("ann"), value))).isEqualTo(HELLO);
  }

  @Test
  void schemaOfADirectory_isReadToo_andAnUnreadableOneRefused(@TempDir Path directory)
      throws Exception {
    Schema newer =
        new Schema.Parser()
            .parse(
                Interaction.getClassSchema()
                    .toString()
                    .replace(
                        "\"fields\":[",
                        "\"fields\":[{\"name\":\"lang\",\"type\":\"string\",\"default\":\"\"},"));
    GenericRecord record = new GenericData.Record(newer);
    record.put("lang", "en");
    record.put("event_id", "e1");
    record.put("user_id", "ann");
    record.put("event_time", 1234L);
    record.put("prompt", "before");
    record.put("text", "hello 🐦");
    record.put("erase", false);
    ByteBuffer encoded =
        new BinaryMessageEncoder<GenericRecord>(GenericData.get(), newer).encode(record);
    RawRecord raw = record(utf8("ann"), Arrays.copyOf(encoded.array(), encoded.limit()));
    assertThat(reasonOf(raw)).isEqualTo(RejectionReason.UNKNOWN_SCHEMA);

    Files.writeString(directory.resolve("newer.avsc"), newer.toString());
    Files.writeString(directory.resolve("README"), "not a schema");
    List<Schema> schemas = WriterSchemas.withDirectory(directory);
    assertThat(new InteractionReader(RULES, EventFormat.avro(schemas)).read(raw)).isEqualTo(HELLO);

    Files.writeString(directory.resolve("alien.avsc"), "{\"type\":\"string\"}");
    assertThatThrownBy(() -> WriterSchemas.withDirectory(directory))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("alien.avsc");
  }

  @Test
  void unknownFingerprint_isNamed() {
    byte[] value = InteractionCodec.encode(HELLO);
    Arrays.fill(value, 2, 10, (byte) 0xAB);
    assertThatThrownBy(() -> READER.read(record(utf8("ann"), value)))
        .isInstanceOf(RejectedRecordException.class)
        .hasMessageContaining("abababababababab");
  }

  @Test
  void eachBrokenRule_hasItsReason() {
    String longId = "u".repeat(33);
    assertThat(reasonOf(record(null, null))).isEqualTo(RejectionReason.NO_USER_ID);
    assertThat(reasonOf(record(new byte[0], null))).isEqualTo(RejectionReason.EMPTY_USER_ID);
    assertThat(reasonOf(RawRecords.of(UserEvent.interaction("", "", 0, null, "x"))))
        .isEqualTo(RejectionReason.EMPTY_USER_ID);
    assertThat(reasonOf(record(utf8(longId), null))).isEqualTo(RejectionReason.USER_ID_TOO_LONG);
    assertThat(
            reasonOf(
                record(
                    null,
                    InteractionCodec.encode(UserEvent.interaction(longId, "", 0, null, "x")))))
        .isEqualTo(RejectionReason.USER_ID_TOO_LONG);
    assertThat(reasonOf(record(utf8("bob"), InteractionCodec.encode(HELLO))))
        .isEqualTo(RejectionReason.KEY_MISMATCH);
    assertThat(reasonOf(record(null, InteractionCodec.encode(HELLO))))
        .isEqualTo(RejectionReason.KEY_MISMATCH);
    assertThat(reasonOf(record(utf8("ann"), new byte[10_000])))
        .isEqualTo(RejectionReason.RECORD_TOO_LARGE);
    assertThat(reasonOf(record(utf8("ann"), utf8("{\"user_id\": \"ann\"}"))))
        .isEqualTo(RejectionReason.NOT_SINGLE_OBJECT_ENCODED);
    assertThat(reasonOf(record(new byte[] {(byte) 0xC3}, null)))
        .isEqualTo(RejectionReason.INVALID_UTF8);
    assertThat(reasonOf(RawRecords.of(saying(null, "")))).isEqualTo(RejectionReason.EMPTY_TEXT);
    assertThat(reasonOf(RawRecords.of(saying(null, " \n")))).isEqualTo(RejectionReason.EMPTY_TEXT);
    assertThat(reasonOf(RawRecords.of(saying(null, "x".repeat(101)))))
        .isEqualTo(RejectionReason.TEXT_TOO_LONG);
    assertThat(reasonOf(RawRecords.of(saying("p".repeat(51), "x"))))
        .isEqualTo(RejectionReason.PROMPT_TOO_LONG);
    assertThat(
            reasonOf(RawRecords.of(UserEvent.interaction("ann", "e".repeat(1025), 0, null, "x"))))
        .isEqualTo(RejectionReason.EVENT_ID_TOO_LONG);
  }

  @Test
  void malformedUtf8InsideAString_isRejectedNotReplaced() {
    byte[] value = InteractionCodec.encode(saying(null, "abcé"));
    // the second byte of é, which stands before the erasure flag
    value[value.length - 2] = 'x';
    assertThat(reasonOf(record(utf8("ann"), value))).isEqualTo(RejectionReason.INVALID_UTF8);
  }

  @Test
  void lengthFieldOfTwoGigabytes_allocatesNothing() {
    byte[] value = Arrays.copyOf(InteractionCodec.encode(HELLO), 20);
    // event id's length: zigzag of 2^31 - 9
    byte[] huge = {(byte) 0xEE, (byte) 0xFF, (byte) 0xFF, (byte) 0xFF, 0x0F};
    System.arraycopy(huge, 0, value, 10, huge.length);
    assertThat(reasonOf(record(utf8("ann"), value))).isEqualTo(RejectionReason.MALFORMED_VALUE);
  }

  @Test
  void trailingBytes_areRejected() {
    byte[] value = InteractionCodec.encode(HELLO);
    assertThat(reasonOf(record(utf8("ann"), Arrays.copyOf(value, value.length + 1))))
        .isEqualTo(RejectionReason.MALFORMED_VALUE);
  }

  @Test
  void rejectedRecord_doesNotStopTheReader() throws Exception {
    byte[] cut = Arrays.copyOf(InteractionCodec.encode(HELLO), 14);
    assertThat(reasonOf(record(utf8("ann"), cut))).isEqualTo(RejectionReason.MALFORMED_VALUE);
    assertThat(READER.read(RawRecords.of(HELLO))).isEqualTo(HELLO);
  }

  @Test
  void longTexts_areShortenedWithoutSplittingCodePoints() throws Exception {
    UserEvent kept =
        READER.read(
            RawRecords.of(saying("p".repeat(15) + "🐦".repeat(5) + "x", "x" + "🐦".repeat(20))));
    assertThat(kept.text()).isEqualTo("x" + "🐦".repeat(9));
    assertThat(kept.prompt()).isEqualTo("🐦".repeat(4) + "x");
    InteractionReader noPrompts =
        new InteractionReader(RULES.keeping(1, 0), EventFormat.avro(WriterSchemas.builtIn()));
    UserEvent shortest = noPrompts.read(RawRecords.of(saying("prompt", "🐦🐦")));
    assertThat(shortest.text()).isEqualTo("🐦");
    assertThat(shortest.prompt()).isNull();
  }

  @Test
  void rules_refuseNonsense() {
    assertThatThrownBy(() -> new InteractionRules(1, 1, 0, 0, 1, 0))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("maxTextChars must be at least 1 but is 0");
  }

  @Property(tries = 1000, seed = "20")
  void anyBytes_areReadOrRejected_nothingElse(@ForAll @Size(max = 40) byte[] body)
      throws Exception {
    byte[] value = Arrays.copyOf(InteractionCodec.encode(HELLO), 10 + body.length);
    System.arraycopy(body, 0, value, 10, body.length);
    readOrReject(record(utf8("ann"), value));
    readOrReject(record(body, body));
    readOrReject(record(body, null));
  }

  @Property(tries = 1000, seed = "20")
  void anyFlippedByte_isReadOrRejected_nothingElse(
      @ForAll @IntRange(max = 200) int position, @ForAll byte replacement) throws Exception {
    byte[] value = InteractionCodec.encode(HELLO);
    value[position % value.length] = replacement;
    readOrReject(record(utf8("ann"), value));
  }

  private void readOrReject(RawRecord record) throws Exception {
    try {
      assertThat(READER.read(record).userId()).isNotEmpty();
    } catch (RejectedRecordException e) {
      assertThat(e).hasMessageNotContaining("hello");
    }
  }
}
