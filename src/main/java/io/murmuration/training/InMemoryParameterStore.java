package io.murmuration.training;

import io.murmuration.privacy.mechanism.ModelVersion;
import java.io.FileNotFoundException;
import java.io.IOException;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;

/**
 * Parameters inside one JVM, by domain: for jobs whose train and workers run in the same process.
 * Train and workers share the arrays.
 *
 * @param domain the privacy domain
 */
public record InMemoryParameterStore(String domain) implements ParameterStore {

  private static final Map<String, Map<Key, float[]>> VALUES = new ConcurrentHashMap<>();

  @Override
  public void put(Key key, float[] values) {
    VALUES.computeIfAbsent(domain, name -> new ConcurrentHashMap<>()).put(key, values);
  }

  @Override
  public float[] get(Key key) throws IOException {
    float[] values = VALUES.getOrDefault(domain, Map.of()).get(key);
    if (values == null) {
      throw new FileNotFoundException(
          "%s of domain %s is not in this process; with feedback.kind IN_MEMORY train and gradients must run in one"
              .formatted(key, domain));
    }
    return values;
  }

  @Override
  public void deleteSuperseded(ModelVersion version) {
    VALUES.getOrDefault(domain, Map.of()).keySet().removeIf(key -> key.isSupersededBy(version));
  }
}
