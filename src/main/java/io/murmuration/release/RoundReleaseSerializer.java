package io.murmuration.release;

import io.murmuration.privacy.mechanism.Grant;
import io.murmuration.privacy.mechanism.GrantSerializer;
import io.murmuration.serialization.ValueSerializer;
import io.murmuration.serialization.Wire;
import java.io.IOException;
import org.apache.flink.core.memory.DataInputView;
import org.apache.flink.core.memory.DataOutputView;

/** {@link RoundRelease} between trainer and publisher; version 1 lacks the starting point. */
public final class RoundReleaseSerializer extends ValueSerializer<RoundRelease> {

  private static final long serialVersionUID = 1L;
  private static final GrantSerializer GRANT = new GrantSerializer();

  @Override
  protected int version() {
    return 2;
  }

  @Override
  protected void write(RoundRelease value, DataOutputView out) throws IOException {
    GRANT.serialize(value.grant(), out);
    out.writeInt(value.weights().length);
    out.write(value.weights());
    Wire.writeString(value.startingPoint(), out);
  }

  @Override
  protected RoundRelease read(int version, DataInputView in) throws IOException {
    Grant grant = GRANT.deserialize(in);
    byte[] weights = new byte[in.readInt()];
    in.readFully(weights);
    return new RoundRelease(grant, weights, version == 1 ? "" : Wire.readString(in));
  }
}
