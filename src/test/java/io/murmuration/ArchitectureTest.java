package io.murmuration;

import static com.tngtech.archunit.core.domain.JavaClass.Predicates.resideInAPackage;
import static com.tngtech.archunit.core.domain.JavaClass.Predicates.resideInAnyPackage;
import static com.tngtech.archunit.core.domain.JavaClass.Predicates.resideOutsideOfPackages;
import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.classes;
import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.noClasses;

import com.tngtech.archunit.base.DescribedPredicate;
import com.tngtech.archunit.core.domain.JavaClass;
import com.tngtech.archunit.core.importer.ImportOption;
import com.tngtech.archunit.junit.AnalyzeClasses;
import com.tngtech.archunit.junit.ArchTest;
import com.tngtech.archunit.lang.ArchRule;

/** The boundaries between the pure core and Flink, DJL and Kafka. */
@AnalyzeClasses(packages = "io.murmuration", importOptions = ImportOption.DoNotIncludeTests.class)
class ArchitectureTest {

  private static final DescribedPredicate<JavaClass> FLINK =
      resideInAnyPackage("org.apache.flink..").as("Flink");

  private static final DescribedPredicate<JavaClass> DJL = resideInAnyPackage("ai.djl..").as("DJL");

  /** A class that may touch Flink says so by its name, or is nested in one that does. */
  private static final String FLINK_NAMES =
      ".*(Operator|OperatorFactory|Function|Sink|Serializer|SerializationSchema|DeserializationSchema|Writer|Committer|State|Metrics|Format)(\\$.*)?";

  @ArchTest
  static final ArchRule
      accounting_noise_planning_and_calibration_know_neither_flink_nor_djl_nor_kafka =
          noClasses()
              .that()
              .resideInAnyPackage(
                  "..privacy.accounting..", "..privacy.noise..", "..planning..", "..calibration..")
              .should()
              .dependOnClassesThat(
                  resideInAnyPackage("org.apache.flink..", "ai.djl..", "org.apache.kafka.."));

  @ArchTest
  static final ArchRule accounting_knows_nothing_else_of_the_project =
      noClasses()
          .that()
          .resideInAPackage("..privacy.accounting..")
          .should()
          .dependOnClassesThat(
              resideInAPackage("io.murmuration..")
                  .and(resideOutsideOfPackages("..privacy.accounting.."))
                  .as("other packages of the project"));

  @ArchTest
  static final ArchRule only_operators_touch_flink_in_the_core =
      noClasses()
          .that()
          .resideInAnyPackage(
              "..contribution..",
              "..privacy..",
              "..training..",
              "..release..",
              "..event..",
              "..model..")
          .and()
          .haveNameNotMatching(FLINK_NAMES)
          .should()
          .dependOnClassesThat(FLINK);

  @ArchTest
  static final ArchRule only_the_model_and_its_engine_touch_djl =
      classes()
          .that(
              DescribedPredicate.describe(
                  "touch DJL",
                  type ->
                      type.getDirectDependenciesFromSelf().stream()
                          .anyMatch(d -> DJL.test(d.getTargetClass()))))
          .should()
          .resideInAnyPackage("..model..", "..training..");

  @ArchTest
  static final ArchRule nothing_depends_on_the_command_line =
      noClasses()
          .that()
          .resideOutsideOfPackage("..cli..")
          .should()
          .dependOnClassesThat()
          .resideInAPackage("..cli..");

  @ArchTest
  static final ArchRule the_core_does_not_know_the_job =
      noClasses()
          .that()
          .resideOutsideOfPackages("..cli..", "..job..", "..demo..")
          .should()
          .dependOnClassesThat()
          .resideInAnyPackage("..job..", "..demo..");

  @ArchTest
  static final ArchRule only_secure_randomness_in_the_mechanism =
      noClasses()
          .that()
          .resideInAnyPackage("..privacy..", "..contribution..", "..training..")
          .should()
          .dependOnClassesThat()
          .haveFullyQualifiedName("java.util.Random")
          .orShould()
          .dependOnClassesThat()
          .haveFullyQualifiedName("java.util.concurrent.ThreadLocalRandom")
          .orShould()
          .callMethod(Math.class, "random");
}
