package io.murmuration.event;

import static io.murmuration.event.RejectionReason.INCOMPATIBLE_SCHEMA;
import static io.murmuration.event.RejectionReason.NOT_REGISTRY_ENCODED;
import static io.murmuration.event.RejectionReason.UNKNOWN_SCHEMA;

import io.murmuration.registry.RegisteredSchemas;
import io.murmuration.registry.RegistryUnavailableException;
import io.murmuration.registry.SchemaAnswer;
import io.murmuration.registry.WireFormat;
import java.time.Duration;
import java.util.LinkedHashMap;
import java.util.Map;
import org.apache.avro.Schema;

/**
 * Events in Confluent's wire format.
 *
 * <p>A registry that is away is nobody's fault: it is waited for, and a record is rejected only for
 * what the registry says of its schema. Where the source already holds such records back, there is
 * hardly ever anything to wait for; this wait ends, so that a checkpoint is not held up for ever.
 */
final class RegistryDecoder implements ValueDecoder {

  /** How long a record is waited for. Well below the least timeout of checkpoints. */
  private static final Duration PATIENCE = Duration.ofMinutes(1);

  /** Schemas that are settled; an older one is settled anew when it is needed again. */
  private static final int MOST_SETTLED = 1_000;

  private final RegisteredSchemas schemas;
  private final FieldPaths paths;
  private final TimeFormat timeFormat;
  private final Map<Integer, Settled> settled =
      new LinkedHashMap<>(/* initialCapacity= */ 16, /* loadFactor= */ 0.75f, true) {
        private static final long serialVersionUID = 1L;

        @Override
        protected boolean removeEldestEntry(Map.Entry<Integer, Settled> eldest) {
          return size() > MOST_SETTLED;
        }
      };

  /** How a schema's records are read, or why they cannot be. */
  private record Settled(RegistrySchemaReader reader, String fault) {}

  RegistryDecoder(RegisteredSchemas schemas, FieldPaths paths, TimeFormat timeFormat) {
    this.schemas = schemas;
    this.paths = paths;
    this.timeFormat = timeFormat;
  }

  @Override
  public UserEvent decode(byte[] value)
      throws RejectedRecordException, RegistryUnavailableException, InterruptedException {
    if (!WireFormat.isWireFormat(value)) {
      throw new RejectedRecordException(
          NOT_REGISTRY_ENCODED,
          "the value must begin with a zero byte and a schema id of 4 bytes, Confluent's wire format");
    }
    int id = WireFormat.schemaId(value);
    Settled schema = settled.get(id);
    if (schema == null) {
      schema = settle(id);
      settled.put(id, schema);
    }
    if (schema.reader() == null) {
      throw new RejectedRecordException(
          INCOMPATIBLE_SCHEMA, "the schema with id %d %s".formatted(id, schema.fault()));
    }
    return schema.reader().read(value, WireFormat.HEADER_BYTES);
  }

  private Settled settle(int id)
      throws RejectedRecordException, RegistryUnavailableException, InterruptedException {
    if (!WireFormat.mayBeRegistered(id)) {
      throw new RejectedRecordException(
          UNKNOWN_SCHEMA, "ids of schemas are positive, but the value names " + id);
    }
    SchemaAnswer answer = schemas.await(id, PATIENCE);
    if (answer instanceof SchemaAnswer.Unknown) {
      throw new RejectedRecordException(
          UNKNOWN_SCHEMA, "the registry knows no schema with id " + id);
    }
    if (answer instanceof SchemaAnswer.Unusable unusable) {
      return new Settled(/* reader= */ null, unusable.reason());
    }
    try {
      Schema schema = ((SchemaAnswer.Found) answer).schema();
      return new Settled(new RegistrySchemaReader(schema, paths, timeFormat), /* fault= */ null);
    } catch (IllegalArgumentException e) {
      return new Settled(/* reader= */ null, e.getMessage());
    }
  }
}
