package io.murmuration.privacy.budget;

import static org.assertj.core.api.Assertions.assertThat;

import io.murmuration.privacy.mechanism.ModelVersion;
import io.murmuration.privacy.mechanism.RoundExecuted;
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
@Timeout(120)
abstract class RoundFeedbackContract {

  final String domain = "domain-" + UUID.randomUUID();
  final BlockingQueue<RoundExecuted> received = new LinkedBlockingQueue<>();
  private final BlockingQueue<ModelVersion> models = new LinkedBlockingQueue<>();
  private final BlockingQueue<Object> order = new LinkedBlockingQueue<>();
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
  void bringsTheNoisedNumbersOfARoundBitForBit() throws Exception {
    List<Double> noised = List.of(-0.25, 17.0, 1e-300, -0.0, 1 / 3.0, Double.MAX_VALUE);
    subscribe(received);
    publish(domain, new RoundExecuted(1, 1, noised));
    publish(domain, new RoundExecuted(1, 2));
    assertThat(next().answer()).isEqualTo(noised);
    assertThat(next().answer()).as("numbers belong to their own round").isEmpty();
  }

  @Test
  void saysThatTheModelFailed() throws Exception {
    subscribe(received);
    publish(domain, RoundExecuted.withFailedModel(1, 7));
    assertThat(next()).isEqualTo(RoundExecuted.withFailedModel(1, 7));
  }

  @Test
  void bringsModelsInTheOrderInWhichTrainSpoke() throws Exception {
    ModelVersion model = Budgets.model(3, 7);
    subscribe(received);
    try (RoundFeedback.Publisher publisher = feedback(domain).publisher()) {
      publisher.announced(model);
      publisher.executed(new RoundExecuted(3, 7));
    }
    assertThat(next()).isEqualTo(new RoundExecuted(3, 7));
    assertThat(models).containsExactly(model);
    assertThat(order).containsExactly(model, new RoundExecuted(3, 7));
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

  final RoundFeedback.Subscription subscribe(BlockingQueue<RoundExecuted> queue) throws Exception {
    RoundFeedback.Subscription subscription = feedback(domain).subscribe(listener(queue));
    subscriptions.add(subscription);
    return subscription;
  }

  final RoundFeedback.Listener listener(BlockingQueue<RoundExecuted> queue) {
    return new RoundFeedback.Listener() {
      @Override
      public void announced(ModelVersion model) {
        models.add(model);
        order.add(model);
      }

      @Override
      public void executed(RoundExecuted executed) {
        order.add(executed);
        // last: whoever takes it from the queue looks at the rest at once
        queue.add(executed);
      }

      @Override
      public void failed(Throwable failure) {
        failures.add(failure);
      }
    };
  }

  private void publish(String to, RoundExecuted executed) throws Exception {
    try (RoundFeedback.Publisher publisher = feedback(to).publisher()) {
      publisher.executed(executed);
    }
  }

  final RoundExecuted next() throws InterruptedException {
    return received.poll(60, TimeUnit.SECONDS);
  }
}
