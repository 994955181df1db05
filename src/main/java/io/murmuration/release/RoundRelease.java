package io.murmuration.release;

import io.murmuration.privacy.budget.Grant;

/**
 * The noisy model after one executed round, on its way from the trainer to the publisher.
 *
 * @param grant the leave it was trained under; the manifest copies from it
 * @param adapter the PEFT adapter's weights, as the bytes of {@code adapter_model.safetensors}
 */
public record RoundRelease(Grant grant, byte[] adapter) {}
