package io.murmuration.serving;

import io.murmuration.model.AdaptedModel;
import io.murmuration.model.TextGenerator;

/** A release in the memory of the tensor library. Any number of threads may ask it. */
final class ServedModel implements Servable {

  private final AdaptedModel model;
  private final TextGenerator generator;

  ServedModel(AdaptedModel model) {
    this.model = model;
    this.generator = model.generator();
  }

  TextGenerator generator() {
    return generator;
  }

  @Override
  public void close() {
    model.close();
  }
}
