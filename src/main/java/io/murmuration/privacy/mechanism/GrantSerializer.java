package io.murmuration.privacy.mechanism;

import io.murmuration.serialization.ValueSerializer;
import java.io.IOException;
import org.apache.flink.core.memory.DataInputView;
import org.apache.flink.core.memory.DataOutputView;

/** {@link Grant} between operators. */
public final class GrantSerializer extends ValueSerializer<Grant> {

  private static final long serialVersionUID = 1L;

  @Override
  protected int version() {
    return GrantFormat.VERSION;
  }

  @Override
  protected void write(Grant value, DataOutputView out) throws IOException {
    GrantFormat.write(value, out);
  }

  @Override
  protected Grant read(int version, DataInputView in) throws IOException {
    return GrantFormat.read(version, in);
  }
}
