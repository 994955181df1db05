package io.murmuration.config;

import io.murmuration.model.LoraConfig;
import java.util.List;
import org.apache.flink.configuration.ConfigOption;
import org.apache.flink.configuration.ConfigOptions;
import org.apache.flink.configuration.MemorySize;

/** What is trained and how. Nothing here enters the accounting. */
public final class TrainingOptions {

  /** First-order optimizers. */
  public enum OptimizerKind {
    ADAM,
    SGD
  }

  /** How the learning rate moves over the planned rounds. */
  public enum ScheduleKind {
    CONSTANT,
    LINEAR,
    COSINE
  }

  public static final ConfigOption<String> MODEL =
      ConfigOptions.key("training.model")
          .stringType()
          .noDefaultValue()
          .withDescription(
              "Directory of the public base model in Hugging Face layout, readable on the task manager that trains.");

  public static final ConfigOption<Integer> LORA_RANK =
      ConfigOptions.key("training.lora.rank")
          .intType()
          .defaultValue(8)
          .withDescription("Rank r of the LoRA factors.");

  public static final ConfigOption<Double> LORA_ALPHA =
      ConfigOptions.key("training.lora.alpha")
          .doubleType()
          .defaultValue(16.0)
          .withDescription("LoRA's scale is alpha / r.");

  public static final ConfigOption<List<String>> LORA_TARGETS =
      ConfigOptions.key("training.lora.target-modules")
          .stringType()
          .asList()
          .defaultValues(LoraConfig.ALL_LINEAR)
          .withDescription(
              "Linear layers that get factors, by name (q_proj;v_proj), or all-linear.");

  public static final ConfigOption<LoraConfig.Mode> LORA_MODE =
      ConfigOptions.key("training.lora.mode")
          .enumType(LoraConfig.Mode.class)
          .defaultValue(LoraConfig.Mode.B_ONLY)
          .withDescription("Which factors are trained.");

  public static final ConfigOption<Integer> MAX_TOKENS =
      ConfigOptions.key("training.max-tokens")
          .intType()
          .defaultValue(64)
          .withDescription("An example is cut at so many tokens.");

  public static final ConfigOption<OptimizerKind> OPTIMIZER =
      ConfigOptions.key("training.optimizer")
          .enumType(OptimizerKind.class)
          .defaultValue(OptimizerKind.ADAM)
          .withDescription("First-order optimizer that takes the noisy mean.");

  public static final ConfigOption<Double> LEARNING_RATE =
      ConfigOptions.key("training.learning-rate")
          .doubleType()
          .defaultValue(0.006)
          .withDescription("Learning rate; lower it as the noise multiplier grows.");

  public static final ConfigOption<ScheduleKind> SCHEDULE =
      ConfigOptions.key("training.learning-rate-schedule")
          .enumType(ScheduleKind.class)
          .defaultValue(ScheduleKind.CONSTANT)
          .withDescription(
              "CONSTANT, or falling to a tenth over the planned rounds (needs privacy.rounds).");

  public static final ConfigOption<MemorySize> MICRO_BATCH_MEMORY =
      ConfigOptions.key("training.micro-batch-memory")
          .memoryType()
          .defaultValue(MemorySize.ofMebiBytes(256))
          .withDescription(
              "Activations of one forward and backward pass may take so much off-heap memory. Changes no result.");

  public static final ConfigOption<Boolean> PRIVATE_METRICS =
      ConfigOptions.key("training.private-metrics")
          .booleanType()
          .defaultValue(false)
          .withDescription(
              "Also report cohort size, clip fraction and training loss as metrics. They are exact functions of private data: for eyes inside the trust boundary only.");

  private TrainingOptions() {}
}
