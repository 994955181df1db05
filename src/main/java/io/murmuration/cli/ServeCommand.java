package io.murmuration.cli;

import com.fasterxml.jackson.databind.json.JsonMapper;
import io.murmuration.job.ConfiguredMechanism;
import io.murmuration.serving.Answer;
import io.murmuration.serving.HttpEndpoint;
import io.murmuration.serving.LedgerPlace;
import io.murmuration.serving.Notices;
import io.murmuration.serving.ReleaseFollower;
import io.murmuration.serving.ReleasesTopic;
import io.murmuration.serving.Responder;
import io.murmuration.serving.ServingJson;
import io.murmuration.storage.Location;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.io.PrintWriter;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.Callable;
import java.util.concurrent.CountDownLatch;
import picocli.CommandLine.ArgGroup;
import picocli.CommandLine.Command;
import picocli.CommandLine.ExitCode;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** {@code murmuration serve}: answers with the newest release that the ledger covers. */
@Command(
    name = "serve",
    mixinStandardHelpOptions = true,
    description = {
      "Answers prompts with the newest release that the ledger covers, and takes up newer ones"
          + " meanwhile.",
      "Prompts are lines of standard input, each continued in a line of its own; or with --listen"
          + " requests of POST /generate. What is served, refused or away is said on standard"
          + " error, and by GET /release."
    })
final class ServeCommand implements Callable<Integer> {

  private static final JsonMapper JSON = new JsonMapper();

  /** The port if only a host is given. */
  private static final int DEFAULT_PORT = 8090;

  private static final int LAST_PORT = 65_535;

  @Spec private CommandSpec spec;

  @Parameters(
      index = "0",
      paramLabel = "STORE",
      converter = LocationConverter.class,
      description = "Path or URI of the model store.")
  private Location store;

  @ArgGroup(multiplicity = "1", heading = "%nThe ledger that must cover a release:%n")
  private LedgerSource ledger;

  @Option(
      names = "--model",
      paramLabel = "DIR",
      converter = LocationConverter.class,
      description =
          "Directory of the base model, a path or a URI; not needed where releases are whole"
              + " models.")
  private Location base;

  @Option(
      names = "--listen",
      paramLabel = "HOST:PORT",
      description =
          "Serve HTTP there instead of standard input; a port alone is one of this machine's"
              + " loopback interface.")
  private String listen;

  @Option(
      names = "--poll",
      paramLabel = "DURATION",
      converter = DurationConverter.class,
      description = "How often to look for a newer release (default: 5 s).")
  private Duration poll = Duration.ofSeconds(5);

  @Option(
      names = "--releases-topic",
      paramLabel = "TOPIC",
      description = "Look at once when this topic, of the ledger's brokers, announces a release.")
  private String releasesTopic;

  @Option(
      names = "--wait",
      description = "Wait for the first verified release, where it is otherwise a failure.")
  private boolean wait;

  @Mixin private GenerationOptions generation;

  @Option(
      names = "--concurrency",
      paramLabel = "N",
      description = "Requests that are answered at a time (default: ${DEFAULT-VALUE}).")
  private int concurrency = 1;

  @Mixin private JsonOption json;

  private final InputStream in;

  ServeCommand() {
    this(System.in);
  }

  /**
   * @param in where prompts come from
   */
  ServeCommand(InputStream in) {
    this.in = in;
  }

  @Override
  public Integer call() throws IOException, InterruptedException {
    HttpEndpoint.Limits limits = limits();
    Optional<InetSocketAddress> address = Optional.ofNullable(listen).map(this::address);
    if (poll.isNegative() || poll.isZero()) {
      throw new ParameterException(
          spec.commandLine(), "--poll must be longer than nothing, given " + poll);
    }
    LedgerPlace place = ledger.place();
    if (releasesTopic != null && !(place instanceof LedgerPlace.InTopic)) {
      throw new ParameterException(
          spec.commandLine(),
          "--releases-topic is a topic of the ledger's brokers: it needs --bootstrap-servers and"
              + " --ledger-topic");
    }
    Said said = new Said(spec.commandLine().getErr());
    try (Responder responder =
        Responder.follow(
            store,
            place,
            ConfiguredMechanism::accountant,
            Optional.ofNullable(base),
            poll,
            said::hear)) {
      ReleaseFollower.Status first = responder.status();
      if (first.served().isEmpty() && !wait) {
        throw new IOException(
            "%s; --wait waits for a release that can be served"
                .formatted(Responder.reasonOf(first)));
      }
      said.begin();
      try (ReleasesTopic topic = listening(place, responder)) {
        if (address.isPresent()) {
          serve(responder, address.get(), limits);
        } else {
          said.first.await();
          answerLines(responder);
        }
      }
    }
    return ExitCode.OK;
  }

  /** Null where no topic was given. */
  private ReleasesTopic listening(LedgerPlace place, Responder responder) {
    return releasesTopic != null && place instanceof LedgerPlace.InTopic brokers
        ? ReleasesTopic.listen(releasesTopic, brokers.clientProperties(), responder::wake)
        : null;
  }

  private HttpEndpoint.Limits limits() {
    try {
      return new HttpEndpoint.Limits(generation.prompt(""), concurrency);
    } catch (IllegalArgumentException e) {
      throw new ParameterException(spec.commandLine(), "--concurrency: " + e.getMessage(), e);
    }
  }

  private InetSocketAddress address(String text) {
    int colon = text.lastIndexOf(':');
    String host = colon < 0 ? "" : text.substring(0, colon).replaceAll("[\\[\\]]", "");
    int port;
    try {
      port = Integer.parseInt(text.substring(colon + 1));
    } catch (NumberFormatException e) {
      port = -1;
    }
    if (port < 0 || port > LAST_PORT) {
      throw new ParameterException(
          spec.commandLine(),
          "--listen must be HOST:PORT with a port up to %d, such as 127.0.0.1:%d, given %s"
              .formatted(LAST_PORT, DEFAULT_PORT, text));
    }
    InetSocketAddress address = new InetSocketAddress(host.isEmpty() ? "127.0.0.1" : host, port);
    if (address.isUnresolved()) {
      throw new ParameterException(
          spec.commandLine(), "--listen: the host %s is not known".formatted(host));
    }
    return address;
  }

  private void serve(Responder responder, InetSocketAddress address, HttpEndpoint.Limits limits)
      throws IOException, InterruptedException {
    try (HttpEndpoint endpoint = HttpEndpoint.start(responder, address, limits)) {
      PrintWriter out = spec.commandLine().getOut();
      InetSocketAddress bound = endpoint.address();
      out.printf(
          "listening on http://%s:%d%n", bound.getAddress().getHostAddress(), bound.getPort());
      out.flush();
      // until a signal ends this process
      new CountDownLatch(1).await();
    }
  }

  private void answerLines(Responder responder) throws IOException {
    PrintWriter out = spec.commandLine().getOut();
    BufferedReader lines = new BufferedReader(new InputStreamReader(in, StandardCharsets.UTF_8));
    for (String line = lines.readLine(); line != null; line = lines.readLine()) {
      Answer answer = responder.answer(generation.prompt(line)).orElseThrow();
      out.println(
          json.isGiven() ? JSON.writeValueAsString(ServingJson.of(answer)) : line + answer.text());
      out.flush();
    }
  }

  /** Says what looks changed; what the first one did only once the command has begun. */
  private static final class Said {
    private final CountDownLatch first = new CountDownLatch(1);
    private final PrintWriter err;
    private final Notices notices = new Notices();
    private final List<String> held = new ArrayList<>();
    private boolean begun;

    Said(PrintWriter err) {
      this.err = err;
    }

    synchronized void hear(ReleaseFollower.Look look) {
      held.addAll(notices.about(look));
      if (begun) {
        print();
      }
      if (look.taken().isPresent()) {
        first.countDown();
      }
    }

    synchronized void begin() {
      begun = true;
      print();
    }

    private void print() {
      held.forEach(err::println);
      held.clear();
      err.flush();
    }
  }
}
