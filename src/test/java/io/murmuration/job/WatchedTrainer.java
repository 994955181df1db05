package io.murmuration.job;

import io.murmuration.config.MurmurationConfig;
import io.murmuration.model.AdaptedModel;
import io.murmuration.model.TextEvaluator;
import io.murmuration.rounds.ModelRoundTrainer;
import io.murmuration.training.PartialSums.RoundSum;
import io.murmuration.training.RoundTrainer;
import io.murmuration.training.TrainerState;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.Consumer;

/** The configured trainer, whose live model is measured where it begins and after every round. */
final class WatchedTrainer implements RoundTrainer {

  private static final List<String> HELD_OUT = List.of("a flock turns", "no one leads it", "x");
  private static final int CONTEXT = 32;

  // static, for the trainer runs in this process and its factory is sent to it
  private static final Map<Long, Double> NATS = new ConcurrentHashMap<>();
  private static final Map<Long, Long> UNITS = new ConcurrentHashMap<>();
  private static final AtomicReference<TrainerState> RESTORED = new AtomicReference<>();

  private final ModelRoundTrainer trainer;
  private final TextEvaluator evaluator;

  private WatchedTrainer(ModelRoundTrainer trainer) {
    this.trainer = trainer;
    this.evaluator = new TextEvaluator(trainer.parameters().model(), HELD_OUT, CONTEXT);
  }

  /** The job with the trainer of its configuration, watched. */
  static MurmurationTopology of(MurmurationTopology job, MurmurationConfig config) {
    RoundTrainer.Factory configured = BrokerlessJob.trainer(config);
    return BrokerlessJob.trainedBy(
        job,
        config,
        restored -> {
          WatchedTrainer watched =
              new WatchedTrainer((ModelRoundTrainer) configured.create(restored));
          restored.ifPresent(watched::measureRestored);
          return watched;
        });
  }

  /** Forgets what earlier tests saw. */
  static void forget() {
    NATS.clear();
    UNITS.clear();
    RESTORED.set(null);
  }

  /** Loss of the live model after each round, and of the one that was restored. */
  static Map<Long, Double> nats() {
    return NATS;
  }

  /** Privacy units of each round. */
  static Map<Long, Long> units() {
    return UNITS;
  }

  /** What the trainer that was created last began with. */
  static Optional<TrainerState> restored() {
    return Optional.ofNullable(RESTORED.get());
  }

  /** The loss on the same texts of what was published. */
  static double nats(Path model, Optional<Path> adapter) throws IOException {
    try (AdaptedModel loaded = AdaptedModel.load(model, adapter)) {
      return loaded.evaluate(HELD_OUT, CONTEXT).nats();
    }
  }

  private void measureRestored(TrainerState state) {
    RESTORED.set(state);
    measure(state.round(), state);
  }

  private void measure(long round, TrainerState state) {
    NATS.put(round, evaluator.evaluate(trainer.parameters(), state.parameters()).nats());
  }

  @Override
  public ExecutedRound execute(RoundSum sum, Consumer<TrainerState> stepped) {
    ExecutedRound executed = trainer.execute(sum, stepped);
    measure(sum.grant().round(), executed.outcome().state());
    UNITS.put(sum.grant().round(), sum.sum().slices());
    return executed;
  }

  @Override
  public TrainerState state() {
    return trainer.state();
  }

  @Override
  public void close() {
    trainer.close();
  }
}
