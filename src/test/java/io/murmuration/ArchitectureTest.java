package io.murmuration;

import static com.tngtech.archunit.core.domain.JavaClass.Predicates.resideInAPackage;
import static com.tngtech.archunit.core.domain.JavaClass.Predicates.resideInAnyPackage;
import static com.tngtech.archunit.core.domain.JavaClass.Predicates.resideOutsideOfPackages;
import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.classes;
import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.noClasses;
import static com.tngtech.archunit.library.dependencies.SlicesRuleDefinition.slices;
import static org.assertj.core.api.Assertions.assertThat;

import com.tngtech.archunit.base.DescribedPredicate;
import com.tngtech.archunit.core.domain.JavaClass;
import com.tngtech.archunit.core.domain.JavaClasses;
import com.tngtech.archunit.core.domain.JavaModifier;
import com.tngtech.archunit.core.importer.ImportOption;
import com.tngtech.archunit.junit.AnalyzeClasses;
import com.tngtech.archunit.junit.ArchTest;
import com.tngtech.archunit.lang.ArchRule;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

/** The boundaries between the pure core and Flink, DJL and Kafka. */
@AnalyzeClasses(packages = "io.murmuration", importOptions = ImportOption.DoNotIncludeTests.class)
class ArchitectureTest {

  private static final DescribedPredicate<JavaClass> FLINK =
      resideInAnyPackage("org.apache.flink..").as("Flink");

  private static final DescribedPredicate<JavaClass> DJL = resideInAnyPackage("ai.djl..").as("DJL");

  /** A class that may touch Flink says so by its name, or is nested in one that does. */
  private static final String FLINK_NAMES =
      ".*(Operator|OperatorFactory|OperatorCoordinator|Function|Sink|Serializer|SerializationSchema|DeserializationSchema|Writer|Committer|State|Metrics|Format)(\\$.*)?";

  private static final String ROOT = "io.murmuration";

  /**
   * Serializers, their snapshots, providers of models and what they make by Flink, the entry points
   * by name, exceptions by catchers.
   */
  private static final String FOUND_BY_REFLECTION =
      ".*(Serializer|SerializerSnapshot|ModelProviderFactory|PredictFunction|Exception)|.*\\.(MurmurationJob|Murmuration)|.*\\.event\\.avro\\..*|.*\\.Jte\\w+Generated";

  /**
   * In-memory twins, an encoder of records, what audit, simulation and experiments sum up with, the
   * estimators of the white-box audit, and what is held against documents.
   */
  private static final Set<String> PUBLIC_FOR_TESTS =
      Set.of(
          ROOT + ".config.OptionDocs",
          ROOT + ".event.InteractionCodec",
          ROOT + ".privacy.audit.GaussianEstimate",
          ROOT + ".privacy.audit.OneRunTradeOff",
          ROOT + ".privacy.audit.SteinkeBound",
          ROOT + ".privacy.audit.Thresholds",
          ROOT + ".release.InMemoryModelStore",
          ROOT + ".release.PrivacyStatement",
          ROOT + ".training.CohortSummation",
          ROOT + ".training.PrivacySlices");

  @ArchTest
  static final ArchRule packages_are_free_of_cycles =
      slices().matching(ROOT + ".(**)").should().beFreeOfCycles();

  /** The table of packages in docs/architecture.md and the code are held against each other. */
  @ArchTest
  static void packages_use_what_the_architecture_page_says(JavaClasses all) throws IOException {
    Map<String, Set<String>> mayUse = tableOfPackages();
    Map<String, Set<String>> uses = new TreeMap<>();
    for (JavaClass type : all) {
      String from = packageOf(type);
      if (from.isEmpty()) {
        continue;
      }
      Set<String> targets = uses.computeIfAbsent(from, name -> new TreeSet<>());
      type.getDirectDependenciesFromSelf().stream()
          .map(dependency -> dependency.getTargetClass().getBaseComponentType())
          .filter(target -> target.getPackageName().startsWith(ROOT + "."))
          .map(ArchitectureTest::packageOf)
          .filter(target -> !target.equals(from))
          .forEach(targets::add);
    }
    assertThat(uses.keySet())
        .as("packages of the code and rows of the table")
        .isEqualTo(mayUse.keySet());
    uses.forEach(
        (from, targets) ->
            assertThat(mayUse.get(from))
                .as("what %s may use by its row in docs/architecture.md", from)
                .containsAll(targets));
  }

  /**
   * What is public is used by another package, or named by what another may call. Tests do not
   * count; names that the running system finds by reflection do.
   */
  @ArchTest
  static void what_is_public_is_used_outside_its_package(JavaClasses all) {
    Set<String> needed = new TreeSet<>();
    for (JavaClass type : all) {
      type.getDirectDependenciesFromSelf().stream()
          .map(dependency -> dependency.getTargetClass().getBaseComponentType())
          .filter(target -> !target.getPackageName().equals(type.getPackageName()))
          .forEach(target -> needed.add(target.getName()));
      if (type.getModifiers().contains(JavaModifier.PUBLIC)) {
        type.getCodeUnits().stream()
            .filter(unit -> !unit.getModifiers().contains(JavaModifier.PRIVATE))
            .flatMap(unit -> unit.getAllInvolvedRawTypes().stream())
            .forEach(named -> needed.add(named.getBaseComponentType().getName()));
        type.getFields().stream()
            .flatMap(field -> field.getAllInvolvedRawTypes().stream())
            .forEach(named -> needed.add(named.getName()));
        type.getAllRawInterfaces().forEach(named -> needed.add(named.getName()));
      }
    }
    assertThat(
            all.stream()
                .filter(type -> type.isTopLevelClass() && !type.isAnnotation())
                .filter(type -> type.getModifiers().contains(JavaModifier.PUBLIC))
                .map(JavaClass::getName)
                .filter(name -> !name.matches(FOUND_BY_REFLECTION))
                .filter(name -> !PUBLIC_FOR_TESTS.contains(name))
                .filter(
                    name ->
                        needed.stream().noneMatch(n -> n.equals(name) || n.startsWith(name + "$"))))
        .as("public types that nobody outside their package uses or is given: drop the public")
        .isEmpty();
  }

  /** A class of more lines is not read in one go. */
  private static final int LONG = 350;

  @Test
  void a_long_class_says_why_it_is_long() throws IOException {
    List<String> silent = new ArrayList<>();
    try (Stream<Path> files = Files.walk(Path.of("src/main/java"))) {
      for (Path file : files.filter(path -> path.toString().endsWith(".java")).toList()) {
        String source = Files.readString(file);
        if (source.lines().count() > LONG && !source.contains("<p>Long because ")) {
          silent.add(file.toString());
        }
      }
    }
    assertThat(silent).as("types of more than %d lines without a reason", LONG).isEmpty();
  }

  private static String packageOf(JavaClass type) {
    String name = type.getPackageName();
    // generated from the schema
    if (name.equals(ROOT + ".event.avro")) {
      return "event";
    }
    return name.equals(ROOT) ? "" : name.substring(ROOT.length() + 1);
  }

  private static Map<String, Set<String>> tableOfPackages() throws IOException {
    Map<String, Set<String>> rows = new TreeMap<>();
    Matcher row =
        Pattern.compile("^\\| `([a-z.]+)` \\|[^|]*\\|([^|]*)\\|[^|]*\\|$", Pattern.MULTILINE)
            .matcher(Files.readString(Path.of("docs/architecture.md")));
    while (row.find()) {
      Set<String> targets = new TreeSet<>();
      Matcher name = Pattern.compile("`([a-z.]+)`").matcher(row.group(2));
      while (name.find()) {
        targets.add(name.group(1));
      }
      rows.put(row.group(1), targets);
    }
    return rows;
  }

  @ArchTest
  static final ArchRule
      accounting_audit_noise_planning_and_calibration_know_neither_flink_nor_djl_nor_kafka =
          noClasses()
              .that()
              .resideInAnyPackage(
                  "..privacy.accounting..",
                  "..privacy.audit..",
                  "..privacy.noise..",
                  "..planning..",
                  "..calibration..")
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
          .resideOutsideOfPackages("..cli..", "..job..", "..demo..", "..sql..")
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
