package io.murmuration;

import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.methods;

import com.tngtech.archunit.base.DescribedPredicate;
import com.tngtech.archunit.core.domain.JavaAnnotation;
import com.tngtech.archunit.core.importer.ImportOption;
import com.tngtech.archunit.junit.AnalyzeClasses;
import com.tngtech.archunit.junit.ArchTest;
import com.tngtech.archunit.lang.ArchRule;
import net.jqwik.api.Property;

/**
 * A build that fails fails for the change that it builds: what is drawn is drawn alike each time.
 */
@AnalyzeClasses(packages = "io.murmuration", importOptions = ImportOption.OnlyIncludeTests.class)
class PropertySeedsTest {

  private static final DescribedPredicate<JavaAnnotation<?>> WITH_SEED =
      DescribedPredicate.describe(
          "@Property with a seed (scripts/fuzz goes further)",
          annotation ->
              annotation.getRawType().isEquivalentTo(Property.class)
                  && !annotation.get("seed").orElse("").equals(Property.SEED_NOT_SET));

  @ArchTest
  static final ArchRule properties_have_seeds =
      methods().that().areAnnotatedWith(Property.class).should().beAnnotatedWith(WITH_SEED);
}
