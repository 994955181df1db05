package io.murmuration.event;

import io.murmuration.event.UserEvent.Kind;
import io.murmuration.serialization.ValueSerializer;
import io.murmuration.serialization.Wire;
import java.io.IOException;
import org.apache.flink.core.memory.DataInputView;
import org.apache.flink.core.memory.DataOutputView;

/**
 * Version 3: 0 for something said, 1 for an erasure, 2 for a beginning; user id, event id, event
 * time, prompt or null, text, partition, offset. Version 2 knows no beginning, version 1 neither of
 * the last two.
 */
public final class UserEventSerializer extends ValueSerializer<UserEvent> {

  private static final long serialVersionUID = 1L;

  @Override
  protected int version() {
    return 3;
  }

  @Override
  protected void write(UserEvent value, DataOutputView out) throws IOException {
    out.writeByte(written(value.kind()));
    Wire.writeString(value.userId(), out);
    Wire.writeString(value.eventId(), out);
    out.writeLong(value.eventTimeMillis());
    Wire.writeString(value.prompt(), out);
    Wire.writeString(value.text(), out);
    Wire.writeVarInt(value.partition(), out);
    Wire.writeVarLong(value.offset(), out);
  }

  @Override
  protected UserEvent read(int version, DataInputView in) throws IOException {
    return new UserEvent(
        kind(in.readUnsignedByte()),
        Wire.readString(in),
        Wire.readString(in),
        in.readLong(),
        Wire.readString(in),
        Wire.readString(in),
        version == 1 ? 0 : Wire.readVarInt(in),
        version == 1 ? 0 : Wire.readVarLong(in));
  }

  private static int written(Kind kind) {
    return switch (kind) {
      case INTERACTION -> 0;
      case ERASURE -> 1;
      case BEGINNING -> 2;
    };
  }

  private static Kind kind(int written) throws IOException {
    return switch (written) {
      case 0 -> Kind.INTERACTION;
      case 1 -> Kind.ERASURE;
      case 2 -> Kind.BEGINNING;
      default ->
          throw new IOException("An event's kind is written as " + written + ": it is corrupt");
    };
  }
}
