package io.murmuration.training;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import com.fasterxml.jackson.databind.JsonNode;
import io.murmuration.event.Example;
import io.murmuration.model.AllParameters;
import io.murmuration.model.LanguageModel;
import io.murmuration.model.SharedModels;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import org.assertj.core.data.Offset;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Gradients with respect to all weights against float64 reference values. */
class ReferenceGradientsTest {

  @ParameterizedTest
  @ValueSource(strings = {"stories260K", "babyllama-tok105"})
  void gradientsEqualTheReference(String name) throws IOException {
    JsonNode reference = SharedModels.reference(name + ".grads.json");
    try (LanguageModel model = SharedModels.load(name)) {
      AllParameters all = new AllParameters(model);
      DecoderGradientEngine engine = new DecoderGradientEngine(all, EngineOptions.ofMaxTokens(256));
      for (JsonNode prompt : reference.path("prompts")) {
        PrivacySlice slice =
            new PrivacySlice(List.of(new Example(null, prompt.path("text").asText())));
        double[] gradient = engine.gradient(all.initialValues(), slice).orElseThrow();
        MeanGradient mean = engine.meanGradient(all.initialValues(), slice.examples());
        assertThat(mean.loss()).isCloseTo(prompt.path("loss").asDouble(), within(1e-5));
        double total = prompt.path("grad_l2_total").asDouble();
        assertThat(norm(gradient, 0, gradient.length)).isCloseTo(total, relative(total, 1e-4));
        List<String> seen = new ArrayList<>();
        for (ParameterLayout.Entry entry : engine.layout().entries()) {
          JsonNode expected = prompt.path("grad_l2_by_tensor").path(entry.name());
          assertThat(expected.isNumber()).as(entry.name()).isTrue();
          assertThat(norm(gradient, entry.offset(), entry.size()))
              .as(entry.name())
              .isCloseTo(expected.asDouble(), relative(expected.asDouble(), 1e-3));
          seen.add(entry.name());
        }
        assertThat(seen).hasSize(prompt.path("grad_l2_by_tensor").size());
      }
    }
  }

  private static Offset<Double> relative(double value, double tolerance) {
    return within(Math.abs(value) * tolerance);
  }

  private static double norm(double[] values, int offset, int size) {
    double sum = 0;
    for (int i = offset; i < offset + size; i++) {
      sum += values[i] * values[i];
    }
    return Math.sqrt(sum);
  }
}
