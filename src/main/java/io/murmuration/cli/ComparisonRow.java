package io.murmuration.cli;

import java.util.LinkedHashMap;
import java.util.Map;

/**
 * What one guarantee needs at one group size.
 *
 * @param groupSize examples per user
 * @param uls noise multiplier of user-level sampling
 * @param els noise multiplier of example-level sampling, tightly accounted
 * @param groupPrivacy noise multiplier of example-level sampling by group privacy; may be infinite
 * @param groupPrivacyEpsilon the ε that group privacy states at {@code els}; may be infinite
 */
record ComparisonRow(
    int groupSize, double uls, double els, double groupPrivacy, double groupPrivacyEpsilon) {

  /** How much more noise group privacy needs. */
  double ratio() {
    return groupPrivacy / els;
  }

  /** Describes the row as a JSON object; what is infinite is null. */
  Map<String, Object> describe() {
    Map<String, Object> fields = new LinkedHashMap<>();
    fields.put("group_size", groupSize);
    fields.put("uls_noise_multiplier", uls);
    fields.put("els_noise_multiplier", els);
    fields.put("group_privacy_noise_multiplier", finiteOrNull(groupPrivacy));
    fields.put("ratio", finiteOrNull(ratio()));
    fields.put("group_privacy_epsilon_at_els_noise", finiteOrNull(groupPrivacyEpsilon));
    return fields;
  }

  private static Double finiteOrNull(double value) {
    return Double.isFinite(value) ? value : null;
  }
}
