package io.murmuration.release;

import io.murmuration.serialization.ValueSerializer;
import java.io.IOException;
import org.apache.flink.core.memory.DataInputView;
import org.apache.flink.core.memory.DataOutputView;

/** {@link Announcement} between operators and in committables; version 1 has no date. */
public final class AnnouncementSerializer extends ValueSerializer<Announcement> {

  private static final long serialVersionUID = 1L;

  @Override
  protected int version() {
    return 2;
  }

  @Override
  protected void write(Announcement value, DataOutputView out) throws IOException {
    out.writeUTF(value.domain());
    out.writeLong(value.round());
    out.writeUTF(value.json());
    out.writeLong(value.publicMillis());
  }

  @Override
  protected Announcement read(int version, DataInputView in) throws IOException {
    return new Announcement(
        in.readUTF(), in.readLong(), in.readUTF(), version == 1 ? 0 : in.readLong());
  }
}
