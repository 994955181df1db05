package io.murmuration.serialization;

import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.util.Properties;
import java.util.stream.Collectors;

/**
 * The stable ids under which savepoints know the serializers, so that a class may move without
 * making state unreadable.
 *
 * <p>{@code serializer-ids.properties} gives each id its class of today. {@code
 * serializer-names-1.properties} gives each class name that savepoints of snapshot version 1 hold
 * the id that it has since; it is closed.
 */
final class SerializerIds {

  private static final Properties CLASSES = load("serializer-ids.properties");
  private static final Properties NAMES_OF_VERSION_1 = load("serializer-names-1.properties");

  private SerializerIds() {}

  /**
   * The id of a serializer's class.
   *
   * @throws IllegalStateException if the class has none: each must be listed before it writes state
   */
  static String idOf(Class<?> serializer) {
    return CLASSES.stringPropertyNames().stream()
        .filter(id -> CLASSES.getProperty(id).equals(serializer.getName()))
        .findFirst()
        .orElseThrow(
            () ->
                new IllegalStateException(
                    "%s needs a stable id in serializer-ids.properties before it may write state"
                        .formatted(serializer.getName())));
  }

  /**
   * The id of a serializer that a savepoint of snapshot version 1 names by its class.
   *
   * @throws IOException if no release ever wrote that name
   */
  static String idOfName(String name) throws IOException {
    String id = NAMES_OF_VERSION_1.getProperty(name);
    if (id == null) {
      throw new IOException(
          "The savepoint names the serializer %s, which no release of Murmuration had; it is of another job"
              .formatted(name));
    }
    return id;
  }

  /**
   * A serializer by its id.
   *
   * @throws IOException if this release does not know the id, or its class is not usable
   */
  static ValueSerializer<?> create(String id, ClassLoader loader) throws IOException {
    String name = CLASSES.getProperty(id);
    if (name == null) {
      throw new IOException(
          "The savepoint names the serializer '%s' but this release knows only %s; run a release of Murmuration at least as new as the one that wrote it"
              .formatted(
                  id,
                  CLASSES.stringPropertyNames().stream()
                      .sorted()
                      .collect(Collectors.joining(", "))));
    }
    try {
      return Class.forName(name, true, loader)
          .asSubclass(ValueSerializer.class)
          .getConstructor()
          .newInstance();
    } catch (ReflectiveOperationException | ClassCastException e) {
      throw new IOException(
          "The serializer '%s' of the savepoint is of class %s, which is not usable"
              .formatted(id, name),
          e);
    }
  }

  private static Properties load(String resource) {
    Properties properties = new Properties();
    try (InputStream in = SerializerIds.class.getResourceAsStream(resource)) {
      if (in == null) {
        throw new IllegalStateException(
            "The resource %s must lie beside %s but is missing from the class path"
                .formatted(resource, SerializerIds.class.getName()));
      }
      properties.load(in);
    } catch (IOException e) {
      throw new UncheckedIOException("The resource " + resource + " cannot be read", e);
    }
    return properties;
  }
}
