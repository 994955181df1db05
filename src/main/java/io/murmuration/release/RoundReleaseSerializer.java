package io.murmuration.release;

import io.murmuration.privacy.mechanism.Grant;
import io.murmuration.privacy.mechanism.GrantSerializer;
import io.murmuration.serialization.ValueSerializer;
import java.io.IOException;
import org.apache.flink.core.memory.DataInputView;
import org.apache.flink.core.memory.DataOutputView;

/** {@link RoundRelease} between trainer and publisher. */
public final class RoundReleaseSerializer extends ValueSerializer<RoundRelease> {

  private static final long serialVersionUID = 1L;
  private static final GrantSerializer GRANT = new GrantSerializer();

  @Override
  protected int version() {
    return 1;
  }

  @Override
  protected void write(RoundRelease value, DataOutputView out) throws IOException {
    GRANT.serialize(value.grant(), out);
    out.writeInt(value.weights().length);
    out.write(value.weights());
  }

  @Override
  protected RoundRelease read(int version, DataInputView in) throws IOException {
    Grant grant = GRANT.deserialize(in);
    byte[] weights = new byte[in.readInt()];
    in.readFully(weights);
    return new RoundRelease(grant, weights);
  }
}
