package io.murmuration.event;

import static io.murmuration.event.RejectionReason.MALFORMED_VALUE;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.apache.avro.Schema;
import org.apache.avro.Schema.Field;
import org.apache.avro.Schema.Type;
import org.apache.avro.generic.GenericRecord;
import org.apache.avro.generic.IndexedRecord;

/**
 * Reads events that one schema of a registry wrote, whatever its name and its other fields. Where
 * the parts stand, and in which unit its times are, is settled when the schema is seen first; a
 * schema that leaves it open is refused.
 *
 * <p>A field is found by its name, else as the one that has the name among its aliases. Only the
 * top-level fields that are asked for are read, the others are skipped.
 */
final class RegistrySchemaReader {

  /** Has the generic reader decode strings leniently, so it is taken out of what others wrote. */
  private static final String JAVA_STRING = "avro.java.string";

  private static final String LOGICAL_TYPE = "logicalType";

  private final FieldPaths paths;
  private final AvroBody body;
  private final Place userId;
  private final Place eventTime;
  private final Place text;
  private final Place prompt;
  private final Place eventId;
  private final Place erase;
  private final TimeFormat unit;

  /** Positions of fields from the outside in, and the type that is found there. */
  private record Place(List<Integer> positions, Schema type) {}

  /**
   * Settles how what this schema wrote is read.
   *
   * @param timeFormat unit of times that the schema gives no logical type; null if there is none
   * @throws IllegalArgumentException saying what of the schema does not fit
   */
  RegistrySchemaReader(Schema registered, FieldPaths paths, TimeFormat timeFormat) {
    this.paths = paths;
    if (registered.getType() != Type.RECORD) {
      throw new IllegalArgumentException("must be a record but is " + words(registered));
    }
    Schema writer = withoutJavaStrings(registered);
    requireBytesInItems(writer, new HashSet<>());
    Schema reader = projection(writer, paths);
    this.body = new AvroBody(writer, reader);
    Places places = new Places(writer, reader);
    this.userId = places.required(paths.userId(), Type.STRING);
    this.text = places.required(paths.text(), Type.STRING);
    this.prompt = places.find(paths.prompt(), Type.STRING);
    this.eventId = places.find(paths.eventId(), Type.STRING, Type.INT, Type.LONG);
    this.erase = places.find(paths.erase(), Type.BOOLEAN);
    this.eventTime = places.required(paths.eventTime(), Type.LONG, Type.INT, Type.STRING);
    this.unit = unit(eventTime.type(), timeFormat);
  }

  private static Schema withoutJavaStrings(Schema schema) {
    ObjectMapper json = new ObjectMapper();
    try {
      JsonNode tree = json.readTree(schema.toString());
      removeJavaStrings(tree);
      return new Schema.Parser().parse(tree.toString());
    } catch (JsonProcessingException e) {
      throw new IllegalStateException("a schema's own text is JSON", e);
    }
  }

  private static void removeJavaStrings(JsonNode node) {
    if (node instanceof ObjectNode object) {
      object.remove(JAVA_STRING);
    }
    node.forEach(RegistrySchemaReader::removeJavaStrings);
  }

  /** Items without bytes would let a few bytes claim any number of them. */
  private static void requireBytesInItems(Schema schema, Set<String> seen) {
    switch (schema.getType()) {
      case ARRAY -> {
        if (mayBeEmpty(schema.getElementType(), new HashSet<>())) {
          throw new IllegalArgumentException(
              "must not have a list of items that take no bytes, of type "
                  + words(schema.getElementType()));
        }
        requireBytesInItems(schema.getElementType(), seen);
      }
      case MAP -> requireBytesInItems(schema.getValueType(), seen);
      case UNION -> schema.getTypes().forEach(branch -> requireBytesInItems(branch, seen));
      case RECORD -> {
        if (seen.add(schema.getFullName())) {
          schema.getFields().forEach(field -> requireBytesInItems(field.schema(), seen));
        }
      }
      default -> {}
    }
  }

  private static boolean mayBeEmpty(Schema schema, Set<String> seen) {
    return switch (schema.getType()) {
      case NULL -> true;
      case FIXED -> schema.getFixedSize() == 0;
      case RECORD ->
          seen.add(schema.getFullName())
              && schema.getFields().stream().allMatch(field -> mayBeEmpty(field.schema(), seen));
      default -> false;
    };
  }

  /** The writer's record with those of its fields alone that paths begin with. */
  private static Schema projection(Schema writer, FieldPaths paths) {
    Set<Field> wanted = new HashSet<>();
    for (FieldPath path :
        List.of(
            paths.userId(),
            paths.eventTime(),
            paths.text(),
            paths.prompt(),
            paths.eventId(),
            paths.erase())) {
      Field field = field(writer, path.steps().get(0));
      if (field != null) {
        wanted.add(field);
      }
    }
    List<Field> fields = new ArrayList<>();
    for (Field field : writer.getFields()) {
      if (wanted.contains(field)) {
        fields.add(new Field(field.name(), field.schema()));
      }
    }
    return Schema.createRecord(
        writer.getName(), writer.getDoc(), writer.getNamespace(), /* isError= */ false, fields);
  }

  /** Finds a field by name, else by alias; null if there is none. */
  private static Field field(Schema record, String name) {
    Field named = record.getField(name);
    if (named != null) {
      return named;
    }
    for (Field field : record.getFields()) {
      if (field.aliases().contains(name)) {
        return field;
      }
    }
    return null;
  }

  /** Finds fields in what the writer declares; their positions are those of what is read. */
  private record Places(Schema writer, Schema reader) {

    Place required(FieldPath path, Type... types) {
      Place place = find(path, types);
      if (place == null) {
        throw new IllegalArgumentException(
            "must have a field %s but has %s"
                .formatted(path, writer.getFields().stream().map(Field::name).toList()));
      }
      return place;
    }

    /** Finds a field's place; null where the schema has no such field. */
    Place find(FieldPath path, Type... types) {
      List<Integer> positions = new ArrayList<>();
      Schema at = writer;
      for (String step : path.steps()) {
        if (at.getType() != Type.RECORD) {
          throw new IllegalArgumentException(
              "must have a record around %s but has %s".formatted(path, words(at)));
        }
        Field field = field(at, step);
        if (field == null) {
          return null;
        }
        positions.add(positions.isEmpty() ? reader.getField(field.name()).pos() : field.pos());
        at = onlyBranch(field.schema(), path);
      }
      if (!List.of(types).contains(at.getType())) {
        throw new IllegalArgumentException(
            "must have %s of type %s but has it of type %s"
                .formatted(
                    path,
                    Stream.of(types).map(Type::getName).collect(Collectors.joining(" or ")),
                    words(at)));
      }
      return new Place(List.copyOf(positions), at);
    }

    /** The type itself, or what a union has beside null. */
    private static Schema onlyBranch(Schema schema, FieldPath path) {
      if (schema.getType() != Type.UNION) {
        return schema;
      }
      List<Schema> branches =
          schema.getTypes().stream().filter(branch -> branch.getType() != Type.NULL).toList();
      if (branches.size() != 1) {
        throw new IllegalArgumentException(
            "must have %s of one type, or that type and null, but has %s"
                .formatted(path, branches.stream().map(RegistrySchemaReader::words).toList()));
      }
      return branches.get(0);
    }
  }

  private TimeFormat unit(Schema type, TimeFormat given) {
    if (type.getType() == Type.STRING) {
      if (given == null || given == TimeFormat.ISO) {
        return TimeFormat.ISO;
      }
      throw noUnit(type, "a string, which is ISO 8601, but events.time-format is " + given);
    }
    Object logical = type.getObjectProp(LOGICAL_TYPE);
    if (logical != null) {
      return switch (logical.toString()) {
        case "timestamp-millis" -> TimeFormat.MILLIS;
        case "timestamp-micros" -> TimeFormat.MICROS;
        case "timestamp-nanos" -> TimeFormat.NANOS;
        // local timestamps among them: they name no instant
        default ->
            throw noUnit(type, "the logical type %s, which is no instant".formatted(logical));
      };
    }
    if (given == null || given == TimeFormat.ISO) {
      throw noUnit(type, "a number without a logical type, whose unit events.time-format must say");
    }
    return given;
  }

  private IllegalArgumentException noUnit(Schema type, String problem) {
    return new IllegalArgumentException(
        "has the time %s as %s: %s".formatted(paths.eventTime(), words(type), problem));
  }

  private static String words(Schema schema) {
    return schema.getType().getName();
  }

  /** Reads the body that follows the header of a value. */
  UserEvent read(byte[] value, int offset) throws RejectedRecordException {
    GenericRecord record = body.read(value, offset);
    String user = requiredString(record, userId, paths.userId());
    Object id = at(record, eventId);
    String event =
        id == null
            ? ""
            : id instanceof Number
                ? id.toString()
                : AvroBody.string(id, paths.eventId().toString());
    long millis = millis(at(record, eventTime));
    if (Boolean.TRUE.equals(at(record, erase))) {
      return UserEvent.erasure(user, event, millis);
    }
    return UserEvent.interaction(
        user,
        event,
        millis,
        AvroBody.string(at(record, prompt), paths.prompt().toString()),
        requiredString(record, text, paths.text()));
  }

  private static String requiredString(GenericRecord record, Place place, FieldPath path)
      throws RejectedRecordException {
    String string = AvroBody.string(at(record, place), path.toString());
    if (string == null) {
      throw new RejectedRecordException(MALFORMED_VALUE, "a string %s is required".formatted(path));
    }
    return string;
  }

  /** What is at a place; null where there is nothing, on the way too. */
  private static Object at(GenericRecord record, Place place) {
    if (place == null) {
      return null;
    }
    Object value = record;
    for (int position : place.positions()) {
      if (value == null) {
        return null;
      }
      value = ((IndexedRecord) value).get(position);
    }
    return value;
  }

  private long millis(Object time) throws RejectedRecordException {
    if (time == null) {
      throw new RejectedRecordException(
          MALFORMED_VALUE, "a time %s is required".formatted(paths.eventTime()));
    }
    try {
      return unit == TimeFormat.ISO
          ? TimeFormat.isoMillis(AvroBody.string(time, paths.eventTime().toString()))
          : unit.millis(((Number) time).longValue());
    } catch (IllegalArgumentException e) {
      throw new RejectedRecordException(MALFORMED_VALUE, paths.eventTime() + " " + e.getMessage());
    }
  }
}
