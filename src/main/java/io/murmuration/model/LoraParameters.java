package io.murmuration.model;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import io.murmuration.model.DecoderDescription.Linear;
import io.murmuration.model.LoraConfig.Mode;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.SplittableRandom;

/**
 * LoRA factors on a frozen model, under the names that PEFT gives them.
 *
 * <p>Fresh factors start as in PEFT: A uniform in ±1/√in (Kaiming uniform with a = √5), B zero. A
 * comes from a fixed seed and is therefore public: with B zero it says nothing about any user, and
 * every start from scratch has the same.
 */
public final class LoraParameters implements TrainableParameters {

  /** "murmur" in ASCII: any number will do that does not depend on data. */
  private static final long PUBLIC_SEED = 0x6d75726d7572L;

  private static final String PREFIX = "base_model.model.";

  private final LanguageModel model;
  private final LoraConfig config;
  private final List<Linear> targets;
  private final Map<String, float[]> start;
  private final List<TensorSpec> tensors = new ArrayList<>();
  private final List<TensorSpec> frozenTensors = new ArrayList<>();
  private final Map<String, NDArray> frozenArrays = new HashMap<>();
  private final NDManager manager;
  private final NDArray scale;

  private LoraParameters(LanguageModel model, LoraConfig config, Map<String, float[]> start) {
    this.model = model;
    this.config = config;
    this.targets = config.select(model.description());
    this.start = start;
    this.manager = model.manager().newSubManager();
    this.scale = Tensors.scalar(manager, config.scale());
    for (Linear linear : targets) {
      TensorSpec a = TensorSpec.of(nameOfA(linear), config.rank(), linear.in());
      if (config.mode() == Mode.BOTH) {
        tensors.add(a);
      } else {
        frozenTensors.add(a);
        frozenArrays.put(a.name(), Tensors.floats(manager, start.get(a.name()), a.dimensions()));
      }
      tensors.add(TensorSpec.of(nameOfB(linear), linear.out(), config.rank()));
    }
  }

  /** Fresh factors. */
  public static LoraParameters fresh(LanguageModel model, LoraConfig config) {
    SplittableRandom random = new SplittableRandom(PUBLIC_SEED);
    Map<String, float[]> start = new HashMap<>();
    for (Linear linear : config.select(model.description())) {
      float[] a = new float[config.rank() * linear.in()];
      double bound = 1 / Math.sqrt(linear.in());
      for (int i = 0; i < a.length; i++) {
        a[i] = (float) (bound * (2 * random.nextDouble() - 1));
      }
      start.put(nameOfA(linear), a);
      start.put(nameOfB(linear), new float[linear.out() * config.rank()]);
    }
    return new LoraParameters(model, config, start);
  }

  /**
   * Factors that start at an adapter's values, to evaluate it, generate with it or train on.
   *
   * @param mode which of them are trained
   * @throws ModelFormatException if the adapter does not fit the model
   */
  public static LoraParameters from(LanguageModel model, LoraAdapter adapter, Mode mode) {
    LoraConfig stored = adapter.config(model.description());
    LoraConfig config = new LoraConfig(stored.rank(), stored.alpha(), stored.targets(), mode);
    Map<String, float[]> start = new HashMap<>();
    for (Linear linear : config.select(model.description())) {
      start.put(nameOfA(linear), adapter.require(nameOfA(linear), config.rank(), linear.in()));
      start.put(nameOfB(linear), adapter.require(nameOfB(linear), linear.out(), config.rank()));
    }
    adapter.requireNothingBeyond(start.keySet());
    return new LoraParameters(model, config, start);
  }

  /**
   * Factors whose trained values come from elsewhere, on frozen ones that are given.
   *
   * @param frozen as {@link #frozenValues} gave them
   * @throws IllegalArgumentException if they do not fit
   */
  public static LoraParameters onFrozen(LanguageModel model, LoraConfig config, float[] frozen) {
    Map<String, float[]> start = new HashMap<>();
    int offset = 0;
    for (Linear linear : config.select(model.description())) {
      int size = config.rank() * linear.in();
      boolean isFrozen = config.mode() != Mode.BOTH && offset + size <= frozen.length;
      float[] a = isFrozen ? Arrays.copyOfRange(frozen, offset, offset + size) : new float[size];
      start.put(nameOfA(linear), a);
      start.put(nameOfB(linear), new float[linear.out() * config.rank()]);
      offset += config.mode() == Mode.BOTH ? 0 : size;
    }
    if (offset != frozen.length) {
      throw new IllegalArgumentException(
          "the frozen factors of %s must have %d elements but %d are given; they are of another rank, other target modules or another training.lora.mode"
              .formatted(config, offset, frozen.length));
    }
    return new LoraParameters(model, config, start);
  }

  /** What is frozen, flat, for {@link #onFrozen}. */
  public float[] frozenValues() {
    return flat(frozenTensors);
  }

  @Override
  public LanguageModel model() {
    return model;
  }

  /** What was asked for. */
  public LoraConfig config() {
    return config;
  }

  /**
   * The targets as PEFT's {@code target_modules} spells them: {@link LoraConfig#ALL_LINEAR} as a
   * list.
   */
  public List<String> targetModules() {
    return config.targets().contains(LoraConfig.ALL_LINEAR)
        ? targets.stream().map(LoraConfig::shortName).distinct().toList()
        : config.targets();
  }

  /** Whether the adapted weights are stored (in × out), as PEFT's {@code fan_in_fan_out}. */
  public boolean fanInFanOut() {
    return targets.stream().anyMatch(Linear::fanInFanOut);
  }

  @Override
  public List<TensorSpec> tensors() {
    return Collections.unmodifiableList(tensors);
  }

  /** Factors that are published but not trained: A in mode b-only, else none. */
  public Map<TensorSpec, float[]> frozen() {
    Map<TensorSpec, float[]> frozen = new LinkedHashMap<>();
    frozenTensors.forEach(tensor -> frozen.put(tensor, start.get(tensor.name()).clone()));
    return frozen;
  }

  @Override
  public float[] initialValues() {
    return flat(tensors);
  }

  private float[] flat(List<TensorSpec> of) {
    float[] flat = new float[Math.toIntExact(of.stream().mapToLong(TensorSpec::size).sum())];
    int offset = 0;
    for (TensorSpec tensor : of) {
      float[] values = start.get(tensor.name());
      System.arraycopy(values, 0, flat, offset, values.length);
      offset += values.length;
    }
    return flat;
  }

  @Override
  public Binding bind(Map<String, NDArray> leaves) {
    Map<String, LoraFactors> factors = new HashMap<>();
    for (Linear linear : targets) {
      NDArray frozen = frozenArrays.get(nameOfA(linear));
      NDArray a = frozen != null ? frozen : leaves.get(nameOfA(linear));
      factors.put(linear.module(), new LoraFactors(a, leaves.get(nameOfB(linear)), scale));
    }
    return new Binding(
        new DecoderParameters() {
          @Override
          public NDArray tensor(String name) {
            return model.tensor(name);
          }

          @Override
          public Optional<LoraFactors> lora(String module) {
            return Optional.ofNullable(factors.get(module));
          }
        });
  }

  @Override
  public boolean needsInputs() {
    return config.mode() == Mode.BOTH;
  }

  /**
   * A tensor of the model, as stored, with its low-rank update added in.
   *
   * @param parameters flat, in the order of {@link #tensors()}
   */
  float[] merged(String tensor, float[] parameters) {
    float[] weight = model.values(tensor);
    for (Linear linear : targets) {
      if (linear.weight().equals(tensor)) {
        addUpdate(
            weight,
            linear,
            current(nameOfA(linear), parameters),
            current(nameOfB(linear), parameters));
      }
    }
    return weight;
  }

  private void addUpdate(float[] weight, Linear linear, float[] a, float[] b) {
    int rank = config.rank();
    for (int o = 0; o < linear.out(); o++) {
      for (int i = 0; i < linear.in(); i++) {
        double update = 0;
        for (int r = 0; r < rank; r++) {
          update += (double) b[o * rank + r] * a[r * linear.in() + i];
        }
        int index = linear.fanInFanOut() ? i * linear.out() + o : o * linear.in() + i;
        weight[index] = (float) (weight[index] + config.scale() * update);
      }
    }
  }

  /** A factor's trained values, or its starting ones if it is frozen. */
  private float[] current(String name, float[] parameters) {
    int offset = 0;
    for (TensorSpec tensor : tensors) {
      int size = (int) tensor.size();
      if (tensor.name().equals(name)) {
        return Arrays.copyOfRange(parameters, offset, offset + size);
      }
      offset += size;
    }
    return start.get(name);
  }

  static String nameOfA(Linear linear) {
    return PREFIX + linear.module() + ".lora_A.weight";
  }

  static String nameOfB(Linear linear) {
    return PREFIX + linear.module() + ".lora_B.weight";
  }

  @Override
  public void close() {
    manager.close();
  }
}
