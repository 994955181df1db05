package io.murmuration.chaos;

import io.murmuration.demo.EmbeddedKafka;
import java.nio.file.Path;
import java.util.concurrent.CountDownLatch;

/** A Kafka broker that lives until it is killed: {@code BrokerProcess DIRECTORY PORT}. */
final class BrokerProcess {

  private BrokerProcess() {}

  public static void main(String[] args) throws InterruptedException {
    EmbeddedKafka kafka = EmbeddedKafka.start(Path.of(args[0]), Integer.parseInt(args[1]));
    System.out.println("Broker at " + kafka.bootstrapServers());
    new CountDownLatch(1).await();
  }
}
