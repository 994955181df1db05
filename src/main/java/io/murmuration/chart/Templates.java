package io.murmuration.chart;

import gg.jte.ContentType;
import gg.jte.TemplateEngine;
import gg.jte.TemplateOutput;
import java.util.Map;

/**
 * The templates of {@code src/main/jte}, which the build compiles to classes. Whatever they are
 * given is escaped for where it stands.
 */
public final class Templates {

  private static final TemplateEngine ENGINE =
      TemplateEngine.createPrecompiled(
          /* classDirectory= */ null,
          ContentType.Html,
          Templates.class.getClassLoader(),
          "io.murmuration.report");

  private Templates() {}

  /**
   * Writes a template.
   *
   * @param name its path below {@code src/main/jte}
   * @param values of its parameters
   */
  public static void render(String name, Map<String, Object> values, TemplateOutput output) {
    ENGINE.render(name, values, output);
  }
}
