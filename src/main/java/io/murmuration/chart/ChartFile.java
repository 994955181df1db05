package io.murmuration.chart;

import com.github.weisj.jsvg.SVGDocument;
import com.github.weisj.jsvg.geometry.size.FloatSize;
import com.github.weisj.jsvg.parser.LoaderContext;
import com.github.weisj.jsvg.parser.SVGLoader;
import gg.jte.output.StringOutput;
import java.awt.Graphics2D;
import java.awt.RenderingHints;
import java.awt.image.BufferedImage;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import javax.imageio.ImageIO;

/** Charts below a title in a file of their own, {@code .svg} or {@code .png}. */
public final class ChartFile {

  /** Pixels of a {@code .png} for each unit of the drawing. */
  private static final int SCALE = 2;

  private final Path file;
  private final Format format;

  private enum Format {
    SVG,
    PNG
  }

  private ChartFile(Path file, Format format) {
    this.file = file;
    this.format = format;
  }

  /**
   * A file in the format that its name asks for.
   *
   * @throws IllegalArgumentException if that is neither .svg nor .png
   */
  public static ChartFile at(Path file) {
    String name = file.toString().toLowerCase(Locale.ROOT);
    if (name.endsWith(".svg")) {
      return new ChartFile(file, Format.SVG);
    }
    if (name.endsWith(".png")) {
      return new ChartFile(file, Format.PNG);
    }
    throw new IllegalArgumentException("the plot's file must end in .svg or .png but is " + file);
  }

  /**
   * Writes charts one below the other, over a file that is there.
   *
   * @param charts at least one, all of one width
   */
  public void write(String title, List<LineChart> charts) throws IOException {
    Figure figure = Figure.of(title, charts);
    StringOutput svg = new StringOutput();
    Templates.render("figure.jte", Map.of("figure", figure), svg);
    if (format == Format.SVG) {
      Files.writeString(file, svg.toString());
    } else {
      writePng(svg.toString());
    }
  }

  private void writePng(String svg) throws IOException {
    SVGDocument document =
        new SVGLoader()
            .load(
                new ByteArrayInputStream(svg.getBytes(StandardCharsets.UTF_8)),
                /* xmlBase= */ null,
                LoaderContext.createDefault());
    if (document == null) {
      throw new IllegalStateException("the chart that was drawn is no SVG");
    }
    FloatSize size = document.size();
    BufferedImage image =
        new BufferedImage(
            Math.round(size.width * SCALE),
            Math.round(size.height * SCALE),
            BufferedImage.TYPE_INT_RGB);
    Graphics2D graphics = image.createGraphics();
    graphics.setRenderingHint(RenderingHints.KEY_ANTIALIASING, RenderingHints.VALUE_ANTIALIAS_ON);
    graphics.setRenderingHint(RenderingHints.KEY_STROKE_CONTROL, RenderingHints.VALUE_STROKE_PURE);
    graphics.scale(SCALE, SCALE);
    document.render(/* component= */ null, graphics);
    graphics.dispose();
    ImageIO.write(image, "png", file.toFile());
  }
}
