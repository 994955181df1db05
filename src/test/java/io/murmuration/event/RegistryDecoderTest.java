package io.murmuration.event;

import static io.murmuration.event.RawRecords.record;
import static io.murmuration.event.RawRecords.utf8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import io.murmuration.event.avro.Interaction;
import io.murmuration.registry.FakeRegistry;
import io.murmuration.registry.RegistryEndpoint;
import io.murmuration.registry.WireFormat;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.util.Arrays;
import java.util.Map;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.constraints.IntRange;
import net.jqwik.api.constraints.NotBlank;
import net.jqwik.api.constraints.Size;
import net.jqwik.api.lifecycle.AfterContainer;
import net.jqwik.api.lifecycle.BeforeContainer;
import org.apache.avro.Schema;
import org.apache.avro.generic.GenericData;
import org.apache.avro.generic.GenericDatumWriter;
import org.apache.avro.generic.GenericRecord;
import org.apache.avro.io.BinaryEncoder;
import org.apache.avro.io.EncoderFactory;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Values in Confluent's wire format, with schemas as others write them. */
class RegistryDecoderTest {

  private static final UserEvent HELLO =
      UserEvent.interaction("ann", "e1", 1234L, "before", "hello 🐦");

  /** A record that has nothing in common with this project's but what it means. */
  private static final String FOREIGN =
      """
      {"type":"record","name":"ChatMessage","namespace":"com.example","fields":[
        {"name":"tags","type":{"type":"map","values":"long"},"default":{}},
        {"name":"actor","type":["null",{"type":"record","name":"Actor","fields":[
          {"name":"age","type":"int"},{"name":"id","type":{"type":"string","avro.java.string":"String"}}]}]},
        {"name":"sentAt","type":{"type":"long","logicalType":"timestamp-micros"}},
        {"name":"seq","type":"long"},
        {"name":"body","type":["string","null"],"aliases":["text"]}]}\
      """;

  private static final FieldPaths PATHS =
      new FieldPaths(
          FieldPath.of("actor.id"),
          FieldPath.of("sentAt"),
          FieldPath.of("text"),
          FieldPath.of("context"),
          FieldPath.of("seq"),
          FieldPath.of("erase"));

  private static final int OURS = 1;
  private static final int THEIRS = 2;

  private static FakeRegistry registry;
  private static InteractionReader propertyReader;

  @BeforeAll
  @BeforeContainer
  static void start() throws IOException {
    registry =
        FakeRegistry.start()
            .with(OURS, Interaction.getClassSchema().toString())
            .with(THEIRS, FOREIGN)
            .with(3, "\"string\"")
            .withAnswer(4, "{\"schema\":\"{}\",\"schemaType\":\"PROTOBUF\"}");
  }

  @AfterAll
  @AfterContainer
  static void stop() {
    registry.close();
  }

  private static InteractionReader reader(FieldPaths paths, TimeFormat time) {
    return new InteractionReader(
        InteractionRules.DEFAULTS,
        EventFormat.registry(RegistryEndpoint.at(registry.url()), paths, time));
  }

  private static byte[] ours(UserEvent event) {
    return WireFormat.encode(OURS, InteractionCodec.encode(event), /* offset= */ 10);
  }

  private static RejectedRecordException rejected(InteractionReader reader, byte[] value) {
    return catchThrowableOfType(
        RejectedRecordException.class, () -> reader.read(record(utf8("ann"), value)));
  }

  @Test
  void ourOwnSchemaIsReadByItsId_andTheKeysRulesHold() throws Exception {
    InteractionReader reader = reader(FieldPaths.DEFAULTS, /* time= */ null);
    assertThat(reader.read(record(utf8("ann"), ours(HELLO)))).isEqualTo(HELLO);
    UserEvent erasure = UserEvent.erasure("ann", "e2", 5);
    assertThat(reader.read(record(utf8("ann"), ours(erasure)))).isEqualTo(erasure);
    assertThat(reader.read(record(utf8("ann"), null)).isErasure()).isTrue();
    UserEvent bobs = UserEvent.interaction("bob", "e", 0, null, "hi");
    assertThat(rejected(reader, ours(bobs)).reason()).isEqualTo(RejectionReason.KEY_MISMATCH);
  }

  @Test
  void aForeignSchemaIsReadByPathsAndAliases_itsTimeByItsLogicalType() throws Exception {
    InteractionReader reader = reader(PATHS, TimeFormat.SECONDS);
    assertThat(reader.read(record(utf8("ann"), foreign("ann", "hi"))))
        .isEqualTo(UserEvent.interaction("ann", "9", 1_700_000_000_123L, null, "hi"));
    assertThat(rejected(reader, foreign(null, "hi")))
        .hasMessage("a string actor.id is required")
        .extracting(RejectedRecordException::reason)
        .isEqualTo(RejectionReason.MALFORMED_VALUE);
    byte[] latin = foreign("ann", "hi");
    latin[latin.length - 1] = (byte) 0xe9;
    assertThat(rejected(reader, latin).reason()).isEqualTo(RejectionReason.INVALID_UTF8);
    byte[] id = foreign("ann", "hi");
    id[indexOf(id, (byte) 'a')] = (byte) 0xe9;
    assertThat(rejected(reader, id).reason()).isEqualTo(RejectionReason.INVALID_UTF8);
  }

  private static int indexOf(byte[] bytes, byte wanted) {
    int index = 0;
    while (bytes[index] != wanted) {
      index++;
    }
    return index;
  }

  private static byte[] foreign(String user, String text) throws IOException {
    Schema schema = new Schema.Parser().parse(FOREIGN);
    GenericRecord record = new GenericData.Record(schema);
    record.put("tags", Map.of());
    if (user != null) {
      GenericRecord actor =
          new GenericData.Record(schema.getField("actor").schema().getTypes().get(1));
      actor.put("age", 7);
      actor.put("id", user);
      record.put("actor", actor);
    }
    record.put("sentAt", 1_700_000_000_123_999L);
    record.put("seq", 9L);
    record.put("body", text);
    return WireFormat.encode(THEIRS, written(record), /* offset= */ 0);
  }

  private static byte[] written(GenericRecord record) throws IOException {
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    BinaryEncoder encoder = EncoderFactory.get().binaryEncoder(out, null);
    new GenericDatumWriter<GenericRecord>(record.getSchema()).write(record, encoder);
    encoder.flush();
    return out.toByteArray();
  }

  @Test
  void whatTheRegistryDoesNotKnowOrHasNoAvroForIsADeadLetterWithAReason() {
    InteractionReader reader = reader(FieldPaths.DEFAULTS, /* time= */ null);
    byte[] value = ours(HELLO);
    value[4] = 99;
    assertThat(rejected(reader, value))
        .hasMessage("the registry knows no schema with id 99")
        .extracting(RejectedRecordException::reason)
        .isEqualTo(RejectionReason.UNKNOWN_SCHEMA);
    value[1] = (byte) 0x80;
    assertThat(rejected(reader, value)).hasMessageContaining("ids of schemas are positive");
    value[1] = 0;
    value[4] = 3;
    assertThat(rejected(reader, value))
        .hasMessage("the schema with id 3 must be a record but is string")
        .extracting(RejectedRecordException::reason)
        .isEqualTo(RejectionReason.INCOMPATIBLE_SCHEMA);
    value[4] = 4;
    assertThat(rejected(reader, value)).hasMessageContaining("is of type PROTOBUF, not AVRO");
    value[4] = THEIRS;
    assertThat(rejected(reader, value))
        .hasMessageContaining("must have a field user_id but has [tags, actor, sentAt, seq, body]");
    for (byte[] other : new byte[][] {InteractionCodec.encode(HELLO), utf8("{}"), {0, 1}, {}}) {
      assertThat(rejected(reader, other).reason()).isEqualTo(RejectionReason.NOT_REGISTRY_ENCODED);
    }
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "{\"type\":\"long\",\"logicalType\":\"timestamp-millis\"} | | 5000000 | 5000000",
        "{\"type\":\"long\",\"logicalType\":\"timestamp-micros\"} | MILLIS | 5000000 | 5000",
        "{\"type\":\"long\",\"logicalType\":\"timestamp-nanos\"} | | 5000000 | 5",
        "\"long\" | SECONDS | 5000000 | 5000000000",
        "\"long\" | MILLIS | 5000000 | 5000000",
        "\"long\" | MICROS | 5000000 | 5000",
        "\"int\" | NANOS | 5000000 | 5",
        "\"string\" | | 1970-01-01T00:00:05Z | 5000",
        "\"string\" | ISO | 1970-01-01T02:00:05+02:00 | 5000",
      })
  void timesAreReadInTheUnitThatSchemaOrOptionNames(
      String type, TimeFormat format, String time, long millis) throws Exception {
    GenericRecord record = timed(type, time);
    RegistrySchemaReader reader =
        new RegistrySchemaReader(record.getSchema(), FieldPaths.DEFAULTS, format);
    assertThat(reader.read(written(record), /* offset= */ 0).eventTimeMillis()).isEqualTo(millis);
  }

  private static GenericRecord timed(String type, String time) {
    Schema schema = timed(type);
    GenericRecord record = new GenericData.Record(schema);
    record.put("user_id", "ann");
    record.put("text", "hi");
    record.put(
        "event_time",
        type.contains("string")
            ? time
            : type.contains("int") ? (Object) Integer.valueOf(time) : Long.valueOf(time));
    return record;
  }

  private static Schema timed(String type) {
    return new Schema.Parser()
        .parse(
            """
            {"type":"record","name":"R","fields":[{"name":"event_time","type":%s},
            {"name":"user_id","type":"string"},{"name":"text","type":"string"}]}\
            """
                .formatted(type));
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "\"long\" | | whose unit events.time-format must say",
        "\"long\" | ISO | whose unit events.time-format must say",
        "\"string\" | MILLIS | a string, which is ISO 8601, but events.time-format is MILLIS",
        "{\"type\":\"long\",\"logicalType\":\"local-timestamp-millis\"} | MILLIS | which is no"
            + " instant",
        "\"double\" | SECONDS | must have event_time of type long or int or string but has it of"
            + " type double",
        "[\"long\",\"string\"] | MILLIS | must have event_time of one type",
        "{\"type\":\"record\",\"name\":\"T\",\"fields\":[]} | MILLIS | but has it of type record",
      })
  void aSchemaThatLeavesTheUnitOpenIsRefused(String type, TimeFormat format, String message) {
    IllegalArgumentException refused =
        catchThrowableOfType(
            IllegalArgumentException.class,
            () -> new RegistrySchemaReader(timed(type), FieldPaths.DEFAULTS, format));
    assertThat(refused).hasMessageContaining(message);
  }

  @Test
  void schemasThatBytesCouldAbuseAreRefusedOrTheirBytes() throws Exception {
    String nulls = "{\"type\":\"array\",\"items\":\"null\"}";
    Schema free =
        new Schema.Parser()
            .parse(
                timed("\"long\"")
                    .toString()
                    .replace(
                        "\"fields\":[", "\"fields\":[{\"name\":\"n\",\"type\":" + nulls + "},"));
    assertThat(
            catchThrowableOfType(
                IllegalArgumentException.class,
                () -> new RegistrySchemaReader(free, FieldPaths.DEFAULTS, TimeFormat.MILLIS)))
        .hasMessageContaining("items that take no bytes");

    Schema nested =
        new Schema.Parser()
            .parse(
                timed("\"long\"")
                    .toString()
                    .replace(
                        "\"fields\":[",
                        "\"fields\":[{\"name\":\"within\",\"type\":[\"null\",\"R\"]},"));
    RegistrySchemaReader reader =
        new RegistrySchemaReader(nested, FieldPaths.DEFAULTS, TimeFormat.MILLIS);
    byte[] deep = new byte[900_000];
    Arrays.fill(deep, (byte) 2);
    assertThat(
            catchThrowableOfType(
                RejectedRecordException.class, () -> reader.read(deep, /* offset= */ 0)))
        .hasMessageContaining("does not follow its schema");
  }

  @Property(tries = 300, seed = "20")
  void whatIsWrittenIsReadBack(
      @ForAll @NotBlank String text, @ForAll String prompt, @ForAll long millis) throws Exception {
    if (!WellFormed.isWellFormed(text) || !WellFormed.isWellFormed(prompt)) {
      return;
    }
    UserEvent event = UserEvent.interaction("ann", "e", millis, prompt, text);
    assertThat(propertyReader().read(record(utf8("ann"), ours(event)))).isEqualTo(event);
  }

  @Property(tries = 1000, seed = "20")
  void anyBytesAreReadOrRejected_nothingElse(
      @ForAll @Size(max = 40) byte[] bytes,
      @ForAll @IntRange(max = 200) int position,
      @ForAll byte replacement)
      throws Exception {
    byte[] flipped = ours(HELLO);
    flipped[WireFormat.HEADER_BYTES + position % (flipped.length - WireFormat.HEADER_BYTES)] =
        replacement;
    byte[] foreign = WireFormat.encode(THEIRS, bytes, /* offset= */ 0);
    byte[] ours = WireFormat.encode(OURS, bytes, /* offset= */ 0);
    for (byte[] value : new byte[][] {bytes, flipped, foreign, ours}) {
      try {
        assertThat(propertyReader().read(record(utf8("ann"), value)).userId()).isEqualTo("ann");
      } catch (RejectedRecordException e) {
        assertThat(e).hasMessageNotContaining("hello");
      }
    }
  }

  private static InteractionReader propertyReader() {
    if (propertyReader == null) {
      propertyReader = reader(FieldPaths.DEFAULTS, /* time= */ null);
    }
    return propertyReader;
  }
}
