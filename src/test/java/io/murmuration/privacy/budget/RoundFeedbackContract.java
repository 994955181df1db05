package io.murmuration.privacy.budget;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.List;
import java.util.UUID;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** What every way back from train to privacy budget must do. */
@Timeout(60)
abstract class RoundFeedbackContract {

  private final String domain = "domain-" + UUID.randomUUID();
  private final BlockingQueue<RoundExecuted> received = new LinkedBlockingQueue<>();
  private final BlockingQueue<Throwable> failures = new LinkedBlockingQueue<>();
  private final List<RoundFeedback.Subscription> subscriptions = new ArrayList<>();

  abstract RoundFeedback feedback(String domain);

  @AfterEach
  void endSubscriptions() {
    subscriptions.forEach(RoundFeedback.Subscription::close);
    assertThat(failures).isEmpty();
  }

  @Test
  void deliversInOrderWhatIsPublishedAfterSubscribing() throws Exception {
    publish(domain, new RoundExecuted(1, 1));
    subscribe(received);
    publish(domain, new RoundExecuted(1, 2));
    publish(domain, new RoundExecuted(2, 3));
    assertThat(next()).isEqualTo(new RoundExecuted(1, 2));
    assertThat(next()).isEqualTo(new RoundExecuted(2, 3));
    assertThat(received).isEmpty();
  }

  @Test
  void keepsDomainsApart() throws Exception {
    subscribe(received);
    publish(domain + "-other", new RoundExecuted(1, 1));
    publish(domain, new RoundExecuted(1, 2));
    assertThat(next()).isEqualTo(new RoundExecuted(1, 2));
  }

  @Test
  void deliversNothingAfterTheSubscriptionEnded() throws Exception {
    BlockingQueue<RoundExecuted> ended = new LinkedBlockingQueue<>();
    RoundFeedback.Subscription subscription = subscribe(ended);
    subscribe(received);
    subscription.close();
    publish(domain, new RoundExecuted(1, 1));
    assertThat(next()).isEqualTo(new RoundExecuted(1, 1));
    assertThat(ended).isEmpty();
  }

  private RoundFeedback.Subscription subscribe(BlockingQueue<RoundExecuted> queue)
      throws Exception {
    RoundFeedback.Subscription subscription = feedback(domain).subscribe(queue::add, failures::add);
    subscriptions.add(subscription);
    return subscription;
  }

  private void publish(String to, RoundExecuted executed) throws Exception {
    try (RoundFeedback.Publisher publisher = feedback(to).publisher()) {
      publisher.executed(executed);
    }
  }

  private RoundExecuted next() throws InterruptedException {
    return received.poll(30, TimeUnit.SECONDS);
  }
}
