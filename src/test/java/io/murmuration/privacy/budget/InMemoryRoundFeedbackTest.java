package io.murmuration.privacy.budget;

class InMemoryRoundFeedbackTest extends RoundFeedbackContract {
  @Override
  RoundFeedback feedback(String domain) {
    return new InMemoryRoundFeedback(domain);
  }
}
