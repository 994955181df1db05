package io.murmuration.cli;

import io.murmuration.model.AdaptedModel;
import io.murmuration.serving.Prompt;
import java.io.IOException;
import java.io.PrintWriter;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/** {@code murmuration generate}: lets a person read what a release says. */
@Command(
    name = "generate",
    mixinStandardHelpOptions = true,
    description = "Continue a prompt with a model or a release.")
final class GenerateCommand implements Callable<Integer> {

  @Spec private CommandSpec spec;
  @Mixin private ModelOptions model;

  @Option(
      names = "--prompt",
      required = true,
      paramLabel = "TEXT",
      description = "What to continue; may be empty.")
  private String prompt;

  @Mixin private GenerationOptions generation;

  @Override
  public Integer call() throws IOException {
    Prompt asked = generation.prompt(prompt);
    try (AdaptedModel subject = model.load()) {
      subject.requireSound();
      PrintWriter out = spec.commandLine().getOut();
      out.println(prompt + asked.continuedBy(subject.generator()));
    }
    return 0;
  }
}
