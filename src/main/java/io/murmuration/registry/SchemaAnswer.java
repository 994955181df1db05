package io.murmuration.registry;

import org.apache.avro.Schema;

/** What a registry says of a schema id. */
public sealed interface SchemaAnswer {

  /** The schema. */
  record Found(Schema schema) implements SchemaAnswer {}

  /** The registry knows no such id. */
  record Unknown() implements SchemaAnswer {}

  /**
   * The registry has something under the id that is no Avro schema.
   *
   * @param reason in words
   */
  record Unusable(String reason) implements SchemaAnswer {}
}
