package io.murmuration.config;

import io.murmuration.model.LoraConfig;
import java.util.List;
import org.apache.flink.configuration.ConfigOption;
import org.apache.flink.configuration.ConfigOptions;
import org.apache.flink.configuration.MemorySize;

/** What is trained and how. Nothing here enters the accounting. */
public final class TrainingOptions {

  /** What of the model is trained. */
  public enum ParametersKind {
    /** LoRA factors; a release is a PEFT adapter. */
    LORA,
    /** Every tensor; a release is a whole model directory. */
    ALL
  }

  /** First-order optimizers. */
  public enum OptimizerKind {
    ADAM,
    SGD
  }

  /** Which weights a release holds. */
  public enum ReleasedWeights {
    AUTO,
    LAST,
    AVERAGE
  }

  /** How the learning rate moves over the planned rounds. */
  public enum ScheduleKind {
    AUTO,
    CONSTANT,
    LINEAR,
    COSINE
  }

  public static final ConfigOption<String> MODEL =
      ConfigOptions.key("training.model")
          .stringType()
          .noDefaultValue()
          .withDescription(
              "Directory of the public base model in Hugging Face layout: a path that is readable"
                  + " where the job is submitted and on every task manager, or a URI of a file"
                  + " system of Flink (s3://bucket/model), from which each machine fetches it once"
                  + " and compares its weights with those at submission.");

  public static final ConfigOption<ParametersKind> PARAMETERS =
      ConfigOptions.key("training.parameters")
          .enumType(ParametersKind.class)
          .defaultValue(ParametersKind.LORA)
          .withDescription(
              "LORA trains low-rank factors and releases adapters; ALL trains every tensor and"
                  + " releases whole model directories, of at most 2 GB in float32.");

  public static final ConfigOption<String> START_FROM =
      ConfigOptions.key("training.start-from")
          .stringType()
          .noDefaultValue()
          .withDescription(
              "Release or adapter directory, a path or a URI, where training begins, on the same base"
                  + " model and with the same rank, alpha and targets; readable where the job is submitted and on"
                  + " the task manager that trains. Read where no model is restored,"
                  + " and may be removed once there is state.");

  public static final ConfigOption<Boolean> START_IS_PUBLIC =
      ConfigOptions.key("training.start-is-public")
          .booleanType()
          .defaultValue(false)
          .withDescription(
              "Declares that what training.start-from names contains no private data of this"
                  + " domain's users, or is charged elsewhere. Needed where it is not a release"
                  + " that this domain's ledger has charged.");

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
          .noDefaultValue()
          .withDescription(
              "Highest learning rate. By default 0.012 for LoRA factors where it falls, 0.006 where"
                  + " it stays; for all parameters 0.45 over privacy.rounds, within 0.003 and 0.006,"
                  + " where it falls, 0.0015 where it stays; lower it as the noise multiplier"
                  + " grows.");

  public static final ConfigOption<ScheduleKind> SCHEDULE =
      ConfigOptions.key("training.learning-rate-schedule")
          .enumType(ScheduleKind.class)
          .defaultValue(ScheduleKind.AUTO)
          .withDescription(
              "CONSTANT, or LINEAR or COSINE: falling over the planned rounds to the floor (needs"
                  + " privacy.rounds). AUTO is COSINE where privacy.rounds is given, else, and with"
                  + " horizon.enabled, CONSTANT.");

  public static final ConfigOption<Double> LEARNING_RATE_FLOOR =
      ConfigOptions.key("training.learning-rate-floor")
          .doubleType()
          .defaultValue(0.02)
          .withDescription("Where a falling rate ends, as a fraction of the highest, in [0, 1].");

  public static final ConfigOption<ReleasedWeights> RELEASED_WEIGHTS =
      ConfigOptions.key("training.released-weights")
          .enumType(ReleasedWeights.class)
          .defaultValue(ReleasedWeights.AUTO)
          .withDescription(
              "LAST: the weights after the round. AVERAGE: a fading average of the weights after"
                  + " each round, which costs no privacy. AUTO is LAST where the learning rate"
                  + " falls, else AVERAGE.");

  public static final ConfigOption<Double> AVERAGE_DECAY =
      ConfigOptions.key("training.average-decay")
          .doubleType()
          .defaultValue(0.95)
          .withDescription(
              "What an average keeps of itself from round to round, in (0, 1): 0.95 looks back some"
                  + " 20 rounds.");

  public static final ConfigOption<MemorySize> MICRO_BATCH_MEMORY =
      ConfigOptions.key("training.micro-batch-memory")
          .memoryType()
          .defaultValue(MemorySize.ofMebiBytes(256))
          .withDescription(
              "Activations and gradients of one forward and backward pass may take so much off-heap"
                  + " memory. Must hold one example of training.max-tokens. Changes no result.");

  public static final ConfigOption<Integer> PARALLELISM =
      ConfigOptions.key("training.parallelism")
          .intType()
          .defaultValue(1)
          .withDescription(
              "Workers that take the gradients of a round. Changes no result beyond float rounding;"
                  + " may be changed with a savepoint.");

  public static final ConfigOption<String> SLOT_SHARING_GROUP =
      ConfigOptions.key("training.slot-sharing-group")
          .stringType()
          .defaultValue("default")
          .withDescription(
              "Flink's slot sharing group of the workers, of train and of publish. With a name of"
                  + " their own they take slots that ingest does not share: training.parallelism of"
                  + " them in addition.");

  public static final ConfigOption<MemorySize> SAMPLE_BUFFER =
      ConfigOptions.key("training.sample-buffer")
          .memoryType()
          .defaultValue(MemorySize.ofMebiBytes(32))
          .withDescription(
              "About so much text of a round waits for a worker on its heap; what is more goes to a"
                  + " file in io.tmp.dirs and is deleted with the round.");

  public static final ConfigOption<Integer> THREADS =
      ConfigOptions.key("training.threads")
          .intType()
          .defaultValue(1)
          .withDescription(
              "Threads that the tensor library may use for one operation. It knows one number for"
                  + " each task manager; the others of its cores are for ingest and sampling.");

  public static final ConfigOption<Boolean> PRIVATE_METRICS =
      ConfigOptions.key("training.private-metrics")
          .booleanType()
          .defaultValue(false)
          .withDescription(
              "Also report what is a function of a round's cohort: how many were sampled, how long"
                  + " the round took, clip fraction, training loss. For eyes inside the trust"
                  + " boundary only.");

  private TrainingOptions() {}
}
