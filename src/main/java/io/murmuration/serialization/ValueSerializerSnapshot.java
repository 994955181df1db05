package io.murmuration.serialization;

import java.io.IOException;
import org.apache.flink.api.common.typeutils.TypeSerializerSchemaCompatibility;
import org.apache.flink.api.common.typeutils.TypeSerializerSnapshot;
import org.apache.flink.core.memory.DataInputView;
import org.apache.flink.core.memory.DataOutputView;

/**
 * What a savepoint remembers of a {@link ValueSerializer}: its stable id and the newest format of
 * its values. The format's version stands in every value too, so the same serializer is always
 * compatible as it is, and a release that is too old fails at the restore instead of at some value.
 *
 * <p>Flink writes the name of this class into every savepoint: it never moves.
 *
 * <table>
 * <caption>Formats of the snapshot</caption>
 * <tr><td>1</td><td>the serializer's class name, mapped to its id by a closed list</td></tr>
 * <tr><td>2</td><td>the serializer's id and the version that its values are written with</td></tr>
 * </table>
 */
public final class ValueSerializerSnapshot<T> implements TypeSerializerSnapshot<T> {

  private static final int SNAPSHOT_VERSION = 2;

  private ValueSerializer<T> serializer;

  /** The constructor of Flink, which fills it by {@link #readSnapshot}. */
  public ValueSerializerSnapshot() {}

  ValueSerializerSnapshot(ValueSerializer<T> serializer) {
    this.serializer = serializer;
  }

  @Override
  public int getCurrentVersion() {
    return SNAPSHOT_VERSION;
  }

  @Override
  public void writeSnapshot(DataOutputView out) throws IOException {
    out.writeUTF(SerializerIds.idOf(serializer.getClass()));
    out.writeInt(serializer.version());
  }

  @Override
  @SuppressWarnings("unchecked") // the id was written by writeSnapshot of the same T
  public void readSnapshot(int readVersion, DataInputView in, ClassLoader userCodeClassLoader)
      throws IOException {
    if (readVersion < 1 || readVersion > SNAPSHOT_VERSION) {
      throw new IOException(
          "This release reads serializer snapshots of versions 1 to %d but the savepoint has version %d; run a release of Murmuration at least as new as the one that wrote it"
              .formatted(SNAPSHOT_VERSION, readVersion));
    }
    String name = in.readUTF();
    String id = readVersion == 1 ? SerializerIds.idOfName(name) : name;
    serializer = (ValueSerializer<T>) SerializerIds.create(id, userCodeClassLoader);
    if (readVersion > 1) {
      int written = in.readInt();
      if (written > serializer.version()) {
        throw new IOException(
            "The savepoint's values of '%s' are of format version %d but this release reads versions 1 to %d; run a release of Murmuration at least as new as the one that wrote it"
                .formatted(id, written, serializer.version()));
      }
    }
  }

  @Override
  public ValueSerializer<T> restoreSerializer() {
    return serializer;
  }

  @Override
  public TypeSerializerSchemaCompatibility<T> resolveSchemaCompatibility(
      TypeSerializerSnapshot<T> oldSerializerSnapshot) {
    return oldSerializerSnapshot instanceof ValueSerializerSnapshot<T> old
            && old.serializer.getClass() == serializer.getClass()
        ? TypeSerializerSchemaCompatibility.compatibleAsIs()
        : TypeSerializerSchemaCompatibility.incompatible();
  }
}
