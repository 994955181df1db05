package io.murmuration.demo;

import java.io.IOException;
import java.io.PrintStream;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.atomic.AtomicInteger;
import kafka.server.KafkaConfig;
import kafka.server.KafkaRaftServer;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.AdminClientConfig;
import org.apache.kafka.clients.admin.NewTopic;
import org.apache.kafka.common.errors.TopicExistsException;
import org.apache.kafka.common.utils.Time;
import org.apache.kafka.metadata.storage.Formatter;
import org.apache.kafka.server.common.EligibleLeaderReplicasVersion;

/**
 * A single-node Kafka broker and controller inside this JVM, reachable from this machine only.
 *
 * <p>Its data directory outlives it: a second start on the same directory finds the topics and
 * their records. Nothing is ever deleted by time ({@code log.retention.ms=-1}), because ledger and
 * releases must survive. Topics are not created on first use: {@link #createTopic} makes them.
 *
 * <p>Its features are those of a broker that is new: {@code transaction.version} 2, with which the
 * ledger's transactions are tested. (Flink's exactly-once sink, which logs false reports of data
 * loss under it, is not used.)
 */
public final class EmbeddedKafka implements AutoCloseable {
  /** Largest record in bytes; leaves room for a dead letter around a payload of a few megabytes. */
  public static final int MAX_MESSAGE_BYTES = 8 << 20;

  /** A port that lets the operating system choose one. */
  public static final int ANY_PORT = 0;

  private static final int FIRST_PORT = 15_000;
  private static final int PORTS = 15_000;

  /** Processes begin at different ones, as a rule. */
  private static final AtomicInteger NEXT_PORT =
      new AtomicInteger(ThreadLocalRandom.current().nextInt(PORTS));

  private static final String HOST = "127.0.0.1";
  private static final int NODE_ID = 1;
  private static final String CONTROLLER_LISTENER = "CONTROLLER";
  private static final String CLUSTER_ID = "bXVybXVyYXRpb24tZGVtbw";

  private final KafkaRaftServer server;
  private final String bootstrapServers;

  private EmbeddedKafka(KafkaRaftServer server, String bootstrapServers) {
    this.server = server;
    this.bootstrapServers = bootstrapServers;
  }

  /**
   * Starts a broker and waits until it accepts clients, about two seconds.
   *
   * @param dataDirectory created and formatted when it is new; no other broker may be using it
   * @param port TCP port on the loopback interface, or {@link #ANY_PORT}
   * @throws UncheckedIOException when the directory cannot be created or formatted
   */
  public static EmbeddedKafka start(Path dataDirectory, int port) {
    return start(dataDirectory, port, Map.of());
  }

  /**
   * The same with further settings of the broker, which win over those that this class makes; the
   * listener for clients is named {@code PLAINTEXT}, whatever protocol it is given.
   */
  public static EmbeddedKafka start(Path dataDirectory, int port, Map<String, String> more) {
    int brokerPort = port == ANY_PORT ? freePort() : port;
    int controllerPort = freePort();
    while (controllerPort == brokerPort) {
      controllerPort = freePort();
    }
    Map<String, String> settings = settings(dataDirectory, brokerPort, controllerPort);
    settings.putAll(more);
    format(dataDirectory);
    KafkaRaftServer server = new KafkaRaftServer(new KafkaConfig(settings, false), Time.SYSTEM);
    try {
      server.startup();
    } catch (RuntimeException | Error failure) {
      try {
        server.shutdown();
      } catch (RuntimeException suppressed) {
        failure.addSuppressed(suppressed);
      }
      throw failure;
    }
    return new EmbeddedKafka(server, HOST + ":" + brokerPort);
  }

  private static Map<String, String> settings(Path data, int brokerPort, int controllerPort) {
    Map<String, String> settings = new HashMap<>();
    settings.put("process.roles", "broker,controller");
    settings.put("node.id", Integer.toString(NODE_ID));
    settings.put("controller.quorum.voters", NODE_ID + "@" + HOST + ":" + controllerPort);
    settings.put("controller.listener.names", CONTROLLER_LISTENER);
    settings.put(
        "listeners",
        "PLAINTEXT://%s:%d,%s://%s:%d"
            .formatted(HOST, brokerPort, CONTROLLER_LISTENER, HOST, controllerPort));
    settings.put("listener.security.protocol.map", "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT");
    settings.put("log.dirs", data.toAbsolutePath().toString());
    settings.put("log.retention.ms", "-1");
    settings.put("auto.create.topics.enable", "false");
    settings.put("message.max.bytes", Integer.toString(MAX_MESSAGE_BYTES));
    settings.put("replica.fetch.max.bytes", Integer.toString(MAX_MESSAGE_BYTES));
    // One node cannot replicate.
    settings.put("offsets.topic.replication.factor", "1");
    settings.put("transaction.state.log.replication.factor", "1");
    settings.put("transaction.state.log.min.isr", "1");
    settings.put("share.coordinator.state.topic.replication.factor", "1");
    settings.put("share.coordinator.state.topic.min.isr", "1");
    // One client at a time: less of everything that is sized for a data centre.
    settings.put("offsets.topic.num.partitions", "1");
    settings.put("transaction.state.log.num.partitions", "1");
    settings.put("group.initial.rebalance.delay.ms", "0");
    settings.put("num.network.threads", "2");
    settings.put("num.io.threads", "4");
    settings.put("log.cleaner.dedupe.buffer.size", Integer.toString(4 << 20));
    return settings;
  }

  private static void format(Path data) {
    Formatter formatter =
        new Formatter()
            .setPrintStream(new PrintStream(PrintStream.nullOutputStream()))
            .setNodeId(NODE_ID)
            .setClusterId(CLUSTER_ID)
            .setControllerListenerName(CONTROLLER_LISTENER)
            .setMetadataLogDirectory(data.toAbsolutePath().toString())
            // nobody else can be elected, and by that protocol a broker that was killed has no
            // partition's leadership until it was fenced, registered and unfenced again
            .setFeatureLevel(EligibleLeaderReplicasVersion.FEATURE_NAME, (short) 0)
            .addDirectory(data.toAbsolutePath().toString())
            .setIgnoreFormatted(true);
    try {
      Files.createDirectories(data);
      formatter.run();
    } catch (IOException e) {
      throw new UncheckedIOException("cannot prepare the broker's data directory " + data, e);
    } catch (Exception e) {
      throw new IllegalStateException(
          "cannot format the broker's data directory %s; give an empty directory or one that this broker wrote"
              .formatted(data),
          e);
    }
  }

  /**
   * A port of the loopback interface on which nobody listens, another one with each call. It is
   * none of those that systems give to connections (from 32,768 on), so that it stays free while a
   * broker is down, and no client that tries to reach the broker meanwhile is connected to itself.
   */
  public static int freePort() {
    for (int tries = 0; tries < PORTS; tries++) {
      int port = FIRST_PORT + Math.floorMod(NEXT_PORT.getAndIncrement(), PORTS);
      try (ServerSocket probe = new ServerSocket(port, 1, InetAddress.getLoopbackAddress())) {
        return probe.getLocalPort();
      } catch (IOException taken) {
        // somebody listens there: try the next
      }
    }
    throw new IllegalStateException(
        "None of the ports %d to %d of the loopback interface is free; end what listens there"
            .formatted(FIRST_PORT, FIRST_PORT + PORTS - 1));
  }

  /** The {@code bootstrap.servers} for clients of this broker. */
  public String bootstrapServers() {
    return bootstrapServers;
  }

  /**
   * Creates a topic with one replica; a topic of that name that exists already is left as it is.
   *
   * @param configs topic settings such as {@code retention.ms}, empty for the broker's defaults
   * @return whether the topic is new
   * @throws IllegalStateException when the broker refuses
   */
  public boolean createTopic(String name, int partitions, Map<String, String> configs)
      throws InterruptedException {
    NewTopic topic = new NewTopic(name, partitions, (short) 1).configs(configs);
    try (Admin admin =
        Admin.create(Map.of(AdminClientConfig.BOOTSTRAP_SERVERS_CONFIG, bootstrapServers))) {
      admin.createTopics(List.of(topic)).all().get();
      return true;
    } catch (ExecutionException e) {
      if (e.getCause() instanceof TopicExistsException) {
        return false;
      }
      throw new IllegalStateException("cannot create topic " + name, e.getCause());
    }
  }

  /** Stops the broker; its data directory stays. */
  @Override
  public void close() {
    server.shutdown();
    server.awaitShutdown();
  }
}
