package io.murmuration.config;

import io.murmuration.config.ContributionOptions.TruncationKind;
import io.murmuration.event.InteractionRules;

/**
 * What keyed state keeps of a user, and which records may enter it.
 *
 * @param windowTicks W ≥ 1
 * @param examplesPerWindow g ≥ 1
 * @param windows K ≥ 1
 * @param rules which records may enter it
 * @param truncation whether texts are cut at the token limit before they enter it
 */
public record ContributionConfig(
    long windowTicks,
    int examplesPerWindow,
    int windows,
    InteractionRules rules,
    TruncationKind truncation) {

  static ContributionConfig read(Faults faults) {
    faults.startPart();
    Long windowTicks = faults.atLeast(ContributionOptions.WINDOW_TICKS, 1);
    Integer perWindow = faults.atLeast(ContributionOptions.EXAMPLES_PER_WINDOW, 1);
    Integer windows = faults.atLeast(ContributionOptions.WINDOWS, 1);
    Integer userIdBytes = faults.atLeast(ContributionOptions.MAX_USER_ID_BYTES, 1);
    Integer textChars = faults.atLeast(ContributionOptions.MAX_TEXT_CHARS, 1);
    Integer recordBytes = faults.atLeast(ContributionOptions.MAX_RECORD_BYTES, 1);
    Integer keptText = faults.atLeast(ContributionOptions.KEPT_TEXT_CHARS, 1);
    Integer keptPrompt = faults.atLeast(ContributionOptions.KEPT_PROMPT_CHARS, 0);
    TruncationKind truncation = faults.required(ContributionOptions.TRUNCATION);
    if (perWindow != null && windows != null && (long) perWindow * windows > Short.MAX_VALUE) {
      faults.add(
          ContributionOptions.EXAMPLES_PER_WINDOW,
          "times contribution.windows must be at most %d examples a user but is %d"
              .formatted(Short.MAX_VALUE, (long) perWindow * windows));
    }
    return faults.build(
        () ->
            new ContributionConfig(
                windowTicks,
                perWindow,
                windows,
                new InteractionRules(
                    recordBytes, userIdBytes, textChars, textChars, keptText, keptPrompt),
                truncation));
  }
}
