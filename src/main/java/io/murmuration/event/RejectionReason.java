package io.murmuration.event;

/** Why a record became a dead letter. The names are written to the dead-letter topic. */
public enum RejectionReason {
  /** It has neither a key nor a value, so not even an erasure is meant. */
  NO_USER_ID,
  /** The user id inside the value, or the key of a tombstone, is empty. */
  EMPTY_USER_ID,
  /** The user id is longer than the limit. */
  USER_ID_TOO_LONG,
  /** The Kafka key is not the user id inside the value. */
  KEY_MISMATCH,
  /** Where users have lifetimes: the record is not in the partition that its key names. */
  WRONG_PARTITION,
  /** The record as a whole is larger than the limit. */
  RECORD_TOO_LARGE,
  /** The value is not Avro single-object encoding. */
  NOT_SINGLE_OBJECT_ENCODED,
  /** The value is not in Confluent's wire format: a zero byte and a schema id before the body. */
  NOT_REGISTRY_ENCODED,
  /** The registry's schema is no Avro schema, or events cannot be read with it. */
  INCOMPATIBLE_SCHEMA,
  /** No known schema has the fingerprint or the id that the value names. */
  UNKNOWN_SCHEMA,
  /**
   * The value does not follow the schema that it names, or a field is missing or of another type.
   */
  MALFORMED_VALUE,
  /** The value is not exactly one JSON object. */
  NOT_JSON,
  /** A string of the value or the key is not UTF-8. */
  INVALID_UTF8,
  /** The text is empty or blank. */
  EMPTY_TEXT,
  /** The text is longer than the limit. */
  TEXT_TOO_LONG,
  /** The prompt is longer than the limit. */
  PROMPT_TOO_LONG,
  /** The event id is longer than the limit. */
  EVENT_ID_TOO_LONG,
  /** The model's tokenizer fails on the prompt or the text. */
  NOT_TOKENIZABLE
}
