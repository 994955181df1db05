package io.murmuration.serialization;

import java.io.IOException;
import org.apache.flink.api.common.typeutils.TypeSerializer;
import org.apache.flink.api.common.typeutils.TypeSerializerSnapshot;
import org.apache.flink.api.common.typeutils.base.TypeSerializerSingleton;
import org.apache.flink.core.memory.DataInputView;
import org.apache.flink.core.memory.DataOutputView;

/**
 * Base of the hand-written serializers: an immutable value, written behind its format version.
 *
 * <p>Every value starts with one unsigned byte, the version it was written with, so that a
 * serializer of a later release reads the state of an earlier one value by value, with no rewrite.
 * A subclass is stateless, has a public constructor without arguments, and is listed in {@code
 * serializer-ids.properties} under the id by which savepoints know it.
 */
public abstract class ValueSerializer<T> extends TypeSerializerSingleton<T> {

  /** The version that {@link #write} writes, 1 to 255. */
  protected abstract int version();

  /** Writes the fields in the format of {@link #version()}. */
  protected abstract void write(T value, DataOutputView out) throws IOException;

  /**
   * Reads the fields as {@code version} wrote them.
   *
   * @param version 1 to {@link #version()}
   */
  protected abstract T read(int version, DataInputView in) throws IOException;

  @Override
  public final void serialize(T value, DataOutputView out) throws IOException {
    out.writeByte(version());
    write(value, out);
  }

  @Override
  public final T deserialize(DataInputView in) throws IOException {
    int version = in.readUnsignedByte();
    if (version < 1 || version > version()) {
      throw new IOException(
          "%s reads format versions 1 to %d but the data says %d; run a release of Murmuration at least as new as the one that wrote it"
              .formatted(getClass().getSimpleName(), version(), version));
    }
    return read(version, in);
  }

  @Override
  public final T deserialize(T reuse, DataInputView in) throws IOException {
    return deserialize(in);
  }

  @Override
  public final boolean isImmutableType() {
    return true;
  }

  @Override
  public final T createInstance() {
    return null;
  }

  @Override
  public final T copy(T from) {
    return from;
  }

  @Override
  public final T copy(T from, T reuse) {
    return from;
  }

  @Override
  public final int getLength() {
    return -1;
  }

  @Override
  public final void copy(DataInputView in, DataOutputView out) throws IOException {
    serialize(deserialize(in), out);
  }

  @Override
  public final TypeSerializerSnapshot<T> snapshotConfiguration() {
    return new ValueSerializerSnapshot<>(this);
  }

  /**
   * Type information for this serializer, as Flink's {@code transform} and state descriptors ask
   * for.
   */
  public final ValueTypeInfo<T> typeInfo(Class<T> type) {
    return new ValueTypeInfo<>(type, (TypeSerializer<T>) this);
  }
}
