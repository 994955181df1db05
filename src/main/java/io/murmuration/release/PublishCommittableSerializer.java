package io.murmuration.release;

import io.murmuration.privacy.mechanism.PublicClock;
import java.io.IOException;
import org.apache.flink.core.io.SimpleVersionedSerializer;
import org.apache.flink.core.memory.DataInputDeserializer;
import org.apache.flink.core.memory.DataOutputSerializer;

/**
 * Committables in checkpoints. Version 2 adds the store's id at the end, version 3 when it is due;
 * all are read.
 */
public final class PublishCommittableSerializer
    implements SimpleVersionedSerializer<PublishCommittable> {

  private static final int VERSION = 3;

  @Override
  public int getVersion() {
    return VERSION;
  }

  @Override
  public byte[] serialize(PublishCommittable committable) throws IOException {
    DataOutputSerializer out = new DataOutputSerializer(1024);
    out.writeUTF(committable.staged().name());
    out.writeUTF(committable.staged().digest());
    new AnnouncementSerializer().serialize(committable.announcement(), out);
    out.writeUTF(committable.staged().store());
    out.writeLong(committable.clock().genesisMillis());
    out.writeLong(committable.clock().intervalMillis());
    out.writeLong(committable.visibleTick());
    return out.getCopyOfBuffer();
  }

  @Override
  public PublishCommittable deserialize(int version, byte[] serialized) throws IOException {
    if (version < 1 || version > VERSION) {
      throw new IOException(
          "the checkpoint holds a committable of format version %d but this release reads versions up to %d; run a release of Murmuration at least as new as the one that wrote it"
              .formatted(version, VERSION));
    }
    DataInputDeserializer in = new DataInputDeserializer(serialized);
    String name = in.readUTF();
    String digest = in.readUTF();
    Announcement announcement = new AnnouncementSerializer().deserialize(in);
    String store = version == 1 ? "" : in.readUTF();
    ModelStore.Staged staged = new ModelStore.Staged(store, name, digest);
    return version < 3
        ? new PublishCommittable(staged, announcement)
        : new PublishCommittable(
            staged,
            announcement,
            new PublicClock(in.readLong(), in.readLong()),
            /* visibleTick= */ in.readLong());
  }
}
