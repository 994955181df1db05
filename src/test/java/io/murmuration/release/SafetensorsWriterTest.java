package io.murmuration.release;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

class SafetensorsWriterTest {

  private final NamedTensor matrix =
      new NamedTensor("b.weight", List.of(2L, 3L), new float[] {1, 2, 3, 4, 5, -0.5f});
  private final NamedTensor scalar = new NamedTensor("a", List.of(), new float[] {7});

  @Test
  void writesLengthHeaderAndData() {
    ByteBuffer file =
        ByteBuffer.wrap(SafetensorsWriter.write(Map.of("format", "pt"), List.of(matrix, scalar)))
            .order(ByteOrder.LITTLE_ENDIAN);

    int headerLength = Math.toIntExact(file.getLong());
    byte[] header = new byte[headerLength];
    file.get(header);
    float[] data = new float[7];
    file.asFloatBuffer().get(data);

    assertThat(headerLength % 8).isZero();
    assertThat(new String(header, StandardCharsets.UTF_8).stripTrailing())
        .isEqualTo(
            "{\"__metadata__\":{\"format\":\"pt\"},"
                + "\"a\":{\"dtype\":\"F32\",\"shape\":[],\"data_offsets\":[0,4]},"
                + "\"b.weight\":{\"dtype\":\"F32\",\"shape\":[2,3],\"data_offsets\":[4,28]}}");
    assertThat(data).containsExactly(7, 1, 2, 3, 4, 5, -0.5f);
    assertThat(file.remaining()).isEqualTo(28);
  }

  @Test
  void theOrderOfTheTensorsDoesNotMatter() {
    assertThat(SafetensorsWriter.write(Map.of(), List.of(matrix, scalar)))
        .isEqualTo(SafetensorsWriter.write(Map.of(), List.of(scalar, matrix)));
  }

  @Test
  void refusesTwoTensorsOfOneName() {
    assertThatThrownBy(() -> SafetensorsWriter.write(Map.of(), List.of(scalar, scalar)))
        .hasMessage("two tensors have the name a");
  }

  @Test
  void aTensorHasAsManyValuesAsItsShapeSays() {
    assertThatThrownBy(() -> new NamedTensor("w", List.of(2L, 2L), new float[3]))
        .hasMessage("tensor w of shape [2, 2] needs 4 values but has 3");
  }
}
