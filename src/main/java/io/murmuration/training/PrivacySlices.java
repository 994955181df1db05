package io.murmuration.training;

import io.murmuration.contribution.UserSample;
import io.murmuration.event.Example;
import io.murmuration.privacy.mechanism.RoundMechanism;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;

/** Cuts a round's samples into its units of clipping. */
public final class PrivacySlices {

  private PrivacySlices() {}

  /**
   * The slices of one round: ULS one a user, ELS one an example.
   *
   * <p>A second record of a user in the same round is dropped, and so are a user's examples beyond
   * G: the sampler sends neither, and if it ever did, one user would otherwise move the sum by more
   * than the accounting allows. Each decision looks at that user's own records only.
   *
   * @param samples of one round
   */
  public static List<PrivacySlice> of(RoundMechanism mechanism, List<UserSample> samples) {
    Set<String> users = new HashSet<>();
    List<PrivacySlice> slices = new ArrayList<>();
    for (UserSample sample : samples) {
      if (!users.add(sample.userId())) {
        continue;
      }
      List<Example> examples =
          sample.examples().subList(0, Math.min(mechanism.groupSize(), sample.examples().size()));
      switch (mechanism.sampler()) {
        case ULS -> slices.add(new PrivacySlice(examples));
        case ELS -> examples.forEach(example -> slices.add(new PrivacySlice(List.of(example))));
      }
    }
    return slices;
  }
}
