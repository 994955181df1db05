package io.murmuration.cli;

import io.murmuration.storage.FileSystems;
import io.murmuration.storage.Location;
import picocli.CommandLine.ITypeConverter;
import picocli.CommandLine.TypeConversionException;

/**
 * A path or a URI. What is not on this machine is found by Flink's file systems, whose plugins a
 * command loads itself.
 */
final class LocationConverter implements ITypeConverter<Location> {

  @Override
  public Location convert(String text) {
    Location location;
    try {
      location = Location.of(text);
    } catch (IllegalArgumentException e) {
      throw new TypeConversionException(e.getMessage());
    }
    if (!location.isLocal()) {
      FileSystems.load();
    }
    return location;
  }
}
