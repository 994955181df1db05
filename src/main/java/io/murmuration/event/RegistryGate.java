package io.murmuration.event;

import io.murmuration.registry.RegisteredSchemas;
import io.murmuration.registry.WireFormat;
import java.util.Objects;

/**
 * Holds back records of schemas that the registry has not been asked for.
 *
 * @param schemas what it has been asked for
 */
record RegistryGate(RegisteredSchemas schemas) implements RecordGate {

  RegistryGate {
    Objects.requireNonNull(schemas, "schemas");
  }

  @Override
  public boolean isOpenFor(RawRecord record) {
    byte[] value = record.value();
    return !WireFormat.isWireFormat(value)
        || !WireFormat.mayBeRegistered(WireFormat.schemaId(value))
        || schemas.remembered(WireFormat.schemaId(value)).isPresent();
  }

  @Override
  public void await(RawRecord record) throws InterruptedException {
    if (!isOpenFor(record)) {
      schemas.await(WireFormat.schemaId(record.value()));
    }
  }

  @Override
  public boolean isAway() {
    return schemas.isAway();
  }
}
