package io.murmuration.demo;

import static io.murmuration.demo.DemoModelDirectory.END_OF_MESSAGE;

import io.murmuration.demo.DemoModelDirectory.Architecture;
import io.murmuration.event.Example;
import io.murmuration.model.AllParameters;
import io.murmuration.model.LanguageModel;
import io.murmuration.training.DecoderGradientEngine;
import io.murmuration.training.EngineOptions;
import io.murmuration.training.LearningRateSchedule;
import io.murmuration.training.Optimizer;
import io.murmuration.training.OptimizerOptions;
import io.murmuration.training.OptimizerState;
import io.murmuration.training.ParameterLayout;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Iterator;
import java.util.List;
import java.util.Locale;
import java.util.SplittableRandom;
import java.util.stream.Stream;

/**
 * Makes the demo's base model from nothing but public generated text: learns a vocabulary, then
 * pretrains all weights without noise, since there is nobody to protect.
 *
 * <p>One argument: the directory of the model. Seeds are fixed: the same machine with one torch
 * thread writes the same bytes.
 */
final class PretrainDemoModel {
  private static final int VOCABULARY = 768;
  private static final int VOCABULARY_MESSAGES = 20_000;
  private static final Architecture ARCHITECTURE =
      new Architecture(
          VOCABULARY,
          /* hidden= */ 64,
          /* intermediate= */ 176,
          /* layers= */ 4,
          /* heads= */ 4,
          /* keyValueHeads= */ 2,
          /* context= */ 256);

  private static final long SEED = 20_260_101;
  private static final int STEPS = 600;
  private static final int BATCH_MESSAGES = 64;
  private static final int MAX_TOKENS = 64;
  private static final double INITIAL_DEVIATION = 0.05;
  private static final double GRADIENT_NORM = 1;
  private static final OptimizerOptions ADAM =
      new OptimizerOptions.AdamW(
          new LearningRateSchedule(
              /* peak= */ 0.004,
              LearningRateSchedule.Decay.COSINE,
              /* warmupRounds= */ 100,
              STEPS,
              /* floorFraction= */ 0.05),
          /* beta1= */ 0.9,
          /* beta2= */ 0.98,
          /* epsilon= */ 1e-8,
          /* weightDecay= */ 0.01);

  private static final int REPORT_STEPS = 100;
  private static final int HELD_OUT_MESSAGES = 200;

  private final PublicChat text = new PublicChat();
  private final PretrainingText pretraining = new PretrainingText();
  private final Path directory;
  private final PrintStream progress;

  PretrainDemoModel(Path directory, PrintStream progress) {
    this.directory = directory;
    this.progress = progress;
  }

  /** Trains the model and writes it. */
  public static void main(String[] args) throws IOException {
    if (args.length != 1) {
      System.err.println("usage: pretrain-demo-model DIRECTORY");
      System.exit(2);
    }
    new PretrainDemoModel(Path.of(args[0]), System.err).run(STEPS);
  }

  /** Writes an untrained model, trains it and writes it again. */
  void run(int steps) throws IOException {
    DemoModelDirectory files = new DemoModelDirectory(directory);
    files.writeDescription(
        ARCHITECTURE,
        BytePairVocabulary.learn(
            pretraining.messages(SEED).limit(VOCABULARY_MESSAGES).toList(), VOCABULARY));
    files.writeWeights(ARCHITECTURE.layout(), initialWeights(ARCHITECTURE.layout()));
    try (LanguageModel model = LanguageModel.load(directory);
        DecoderGradientEngine engine =
            new DecoderGradientEngine(
                new AllParameters(model), EngineOptions.ofMaxTokens(MAX_TOKENS))) {
      files.writeWeights(engine.layout(), train(engine, steps));
    }
  }

  private static float[] initialWeights(ParameterLayout layout) {
    SplittableRandom random = new SplittableRandom(SEED);
    float[] weights = new float[layout.size()];
    for (ParameterLayout.Entry entry : layout.entries()) {
      boolean normalization = entry.shape().size() == 1;
      for (int i = entry.offset(); i < entry.offset() + entry.size(); i++) {
        weights[i] = normalization ? 1 : (float) (INITIAL_DEVIATION * random.nextGaussian());
      }
    }
    return weights;
  }

  private float[] train(DecoderGradientEngine engine, int steps) {
    Iterator<String> messages = pretraining.messages(SEED).iterator();
    Optimizer optimizer = ADAM.optimizer();
    float[] weights = engine.initialParameters();
    OptimizerState state = optimizer.initialState(weights.length);
    for (int step = 0; step < steps; step++) {
      List<String> batch = Stream.generate(messages::next).limit(BATCH_MESSAGES).toList();
      double[] gradient = engine.meanGradient(weights, examples(batch, END_OF_MESSAGE)).gradient();
      Optimizer.Step next = optimizer.step(weights, state, shortened(gradient), step);
      weights = next.parameters();
      state = next.state();
      if ((step + 1) % REPORT_STEPS == 0 || step + 1 == steps) {
        report(engine, weights, step + 1);
      }
    }
    return weights;
  }

  private void report(DecoderGradientEngine engine, float[] weights, int step) {
    List<String> neat = pretraining.messages(SEED + 1).limit(HELD_OUT_MESSAGES).toList();
    progress.printf(
        Locale.ROOT,
        "step %d: nats per token %.3f on pretraining text, %.3f on chat, %.3f on the trend%n",
        step,
        loss(engine, weights, neat),
        loss(engine, weights, text.heldOutBeforeTrend(SEED, HELD_OUT_MESSAGES)),
        loss(engine, weights, text.heldOutTrend(SEED, HELD_OUT_MESSAGES)));
  }

  /** No longer than {@link #GRADIENT_NORM}. */
  private static double[] shortened(double[] gradient) {
    double norm = Math.sqrt(Arrays.stream(gradient).map(value -> value * value).sum());
    double factor = Math.min(1, GRADIENT_NORM / norm);
    return Arrays.stream(gradient).map(value -> value * factor).toArray();
  }

  private static double loss(DecoderGradientEngine engine, float[] weights, List<String> messages) {
    return engine.meanGradient(weights, examples(messages, "")).loss();
  }

  private static List<Example> examples(List<String> messages, String end) {
    return messages.stream().map(message -> new Example(null, message + end)).toList();
  }
}
