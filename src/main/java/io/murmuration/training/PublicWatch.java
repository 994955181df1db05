package io.murmuration.training;

import io.murmuration.event.Example;
import java.time.Duration;
import java.util.List;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Tells a fault of everybody from a fault of one user.
 *
 * <p>A slice that fails contributes zero, so that no user can stop the others. But where every text
 * fails (the model overflowed, a device is gone), round after round would be charged for noise
 * alone. So after each round, whatever came of it, the engine computes the gradient of a fixed
 * public text at the noisy model, by the very path that users' slices take.
 *
 * <p><b>Formal guarantee.</b> Whether {@link #afterRound} throws is a function of the noisy model,
 * of public text and of the machine: post-processing of what was charged. It must therefore be
 * called after every round, and never because of what a cohort did. That all slices of a cohort
 * failed is another thing, and is only counted and logged: an observer who sees that such a round
 * changed anything would see a cohort of one user who fails, where without that user it is empty.
 */
public final class PublicWatch {

  private static final Logger LOG = LoggerFactory.getLogger(PublicWatch.class);

  private final GradientEngine engine;
  private final List<PrivacySlice> texts;

  /**
   * @param texts public; each must have something to train on; the last takes the room of the
   *     longest example
   */
  public PublicWatch(GradientEngine engine, List<Example> texts) {
    if (texts.isEmpty()) {
      throw new IllegalArgumentException("at least one public text is required");
    }
    this.engine = engine;
    this.texts = texts.stream().map(text -> new PrivacySlice(List.of(text))).toList();
  }

  /**
   * Tries every text before the first round.
   *
   * @throws PublicFaultException if the model fails on one
   */
  public void beforeFirstRound(float[] parameters) {
    texts.forEach(text -> require(text, parameters, "before the first round"));
  }

  /**
   * Tries the longest text after a round.
   *
   * @param parameters of the noisy model after it
   * @param statistics of the round, which have no part in whether this throws
   * @throws PublicFaultException if the model fails on it
   */
  public void afterRound(long round, float[] parameters, RoundOutcome.Statistics statistics) {
    if (statistics.slices() > 0 && statistics.zeroed() == statistics.slices()) {
      LOG.error(
          "All {} slices of round {} contributed zero: see the warnings before. Training goes on,"
              + " since to halt for that would show who took part",
          statistics.slices(),
          round);
    }
    require(texts.get(texts.size() - 1), parameters, "after round " + round);
  }

  /**
   * Tries the longest text on a worker, before it takes gradients at a model. Once a round is
   * granted at it, train has found that the model does not fail, so that what fails here is this
   * machine, whose users would all count as failing.
   *
   * @param round the last that the model holds
   * @param parameters of the model
   * @throws PublicFaultException if the machine fails on it
   */
  public void beforeGradients(long round, float[] parameters) {
    require(
        texts.get(texts.size() - 1),
        parameters,
        "on this worker, at the parameters after round " + round);
  }

  /** How long the gradient of the longest text takes, once everything is warm. */
  public Duration timeOfLongest(float[] parameters) {
    PrivacySlice longest = texts.get(texts.size() - 1);
    require(longest, parameters, "before the first round");
    long start = System.nanoTime();
    require(longest, parameters, "before the first round");
    return Duration.ofNanos(System.nanoTime() - start);
  }

  private void require(PrivacySlice text, float[] parameters, String when) {
    if (engine.gradient(parameters, text).isEmpty()) {
      throw new PublicFaultException(
          "%s the model must have a finite gradient on public text but has none: it overflowed, or what computes it is broken (the warning before says how); lower the learning rate, or mend the machine, and start from a release"
              .formatted(when));
    }
  }
}
