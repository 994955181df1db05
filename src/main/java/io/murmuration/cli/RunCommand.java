package io.murmuration.cli;

import io.murmuration.config.HorizonOptions;
import io.murmuration.config.MurmurationConfig;
import io.murmuration.config.PrivacyConfig;
import io.murmuration.config.PrivacyOptions;
import io.murmuration.job.ConfiguredMechanism;
import io.murmuration.job.MurmurationJob;
import io.murmuration.job.StepNoiseCheck;
import io.murmuration.planning.RoundDuration;
import io.murmuration.planning.StepNoise;
import io.murmuration.privacy.mechanism.CorrelatedNoise;
import io.murmuration.storage.FileSystems;
import java.io.IOException;
import java.io.PrintWriter;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/** {@code murmuration run}: the job against a given Kafka. */
@Command(
    name = "run",
    description = {
      "Builds the job from a configuration and executes it: on the cluster when submitted by 'flink"
          + " run', otherwise in this process.",
      "docs/configuration.md lists the options."
    },
    mixinStandardHelpOptions = true)
final class RunCommand implements Callable<Integer> {

  @Spec private CommandSpec spec;
  @Mixin private JobOptions job;

  @Option(
      names = "--raise-budget",
      description =
          "Raise the budget of an existing ledger to the configured one: a deliberate act, recorded"
              + " in the ledger. The same as --set privacy.raise-budget=true.")
  private boolean raiseBudget;

  @Option(
      names = "--new-generation",
      paramLabel = "N",
      description =
          "Open generation N of the lifetimes that the ledger's genesis reserved, if the one before"
              + " it is open: a deliberate act, recorded in the ledger. The same as --set"
              + " horizon.new-generation=N.")
  private Integer newGeneration;

  @Option(
      names = "--check",
      description =
          "Only check the configuration, and that the model can be trained on: it is loaded, and"
              + " computes the gradient of a public text; and say how noisy training will be.")
  private boolean check;

  @Override
  public Integer call() throws Exception {
    Map<String, String> all = job.settings();
    if (raiseBudget) {
      all.put(PrivacyOptions.RAISE_BUDGET.key(), "true");
    }
    if (newGeneration != null) {
      all.put(HorizonOptions.NEW_GENERATION.key(), newGeneration.toString());
    }
    MurmurationConfig valid = MurmurationConfig.of(all);
    FileSystems.load(); // the cluster in this process does not
    if (check) {
      RoundDuration round = MurmurationJob.check(valid);
      say(round.fits(), round);
      sayNoise(valid);
      sayHorizon(valid.privacy());
    } else {
      MurmurationJob.execute(valid);
    }
    return 0;
  }

  private void sayNoise(MurmurationConfig valid) throws IOException {
    Optional<StepNoise> noise = StepNoiseCheck.of(valid);
    if (noise.isPresent()) {
      say(!noise.get().isHopeless(), noise.get());
      int bands = valid.privacy().noiseBands();
      if (bands > 1) {
        say(
            /* isFine= */ true,
            "Noise is correlated over %d rounds; the trainer keeps %,d bytes of it."
                .formatted(bands, CorrelatedNoise.memoryBytes(bands, noise.get().parameters())));
      }
    }
  }

  private void sayHorizon(PrivacyConfig privacy) {
    ConfiguredMechanism.horizon(privacy)
        .ifPresent(
            horizon ->
                say(
                    horizon.rounds() > 0,
                    horizon.inWords(
                        privacy.roundInterval(), privacy.expectedUnits().orElseThrow())));
  }

  private void say(boolean isFine, Object what) {
    PrintWriter writer = isFine ? spec.commandLine().getOut() : spec.commandLine().getErr();
    writer.println((isFine ? "" : "warning: ") + what);
    writer.flush();
  }
}
