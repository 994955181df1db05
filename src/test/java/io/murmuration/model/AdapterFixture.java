package io.murmuration.model;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Random;

/** Writes safetensors files and PEFT adapters byte by byte, as other tools would. */
public final class AdapterFixture {

  private AdapterFixture() {}

  /** A safetensors file from a header and its data. */
  public static Path safetensors(Path file, String header, byte[] data) throws IOException {
    byte[] json = header.getBytes(StandardCharsets.UTF_8);
    return Files.write(
        file,
        ByteBuffer.allocate(8 + json.length + data.length)
            .order(ByteOrder.LITTLE_ENDIAN)
            .putLong(json.length)
            .put(json)
            .put(data)
            .array());
  }

  /** A rank-2 adapter on one q_proj of layer 0 with random factors. */
  public static Path adapter(Path directory, String target, int in, int out) throws IOException {
    Files.createDirectories(directory);
    Files.writeString(
        directory.resolve("adapter_config.json"),
        """
        {"peft_type": "LORA", "task_type": "CAUSAL_LM", "r": 2, "lora_alpha": 8, "bias": "none",
         "target_modules": ["%s"], "fan_in_fan_out": false, "use_dora": false, "rank_pattern": {}}
        """
            .formatted(target));
    String name = "base_model.model." + target;
    int split = 2 * in * Float.BYTES;
    int end = split + 2 * out * Float.BYTES;
    String header =
        ("{\"%s.lora_A.weight\":{\"dtype\":\"F32\",\"shape\":[2,%d],\"data_offsets\":[0,%d]},"
                + "\"%s.lora_B.weight\":{\"dtype\":\"F32\",\"shape\":[%d,2],\"data_offsets\":[%d,%d]}}")
            .formatted(name, in, split, name, out, split, end);
    ByteBuffer data = ByteBuffer.allocate(end).order(ByteOrder.LITTLE_ENDIAN);
    Random random = new Random(5);
    for (int i = 0; i < 2 * (in + out); i++) {
      data.putFloat((float) random.nextGaussian());
    }
    safetensors(directory.resolve("adapter_model.safetensors"), header, data.array());
    return directory;
  }
}
