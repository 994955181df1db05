package io.murmuration.cli;

import java.io.PrintWriter;
import java.util.ArrayList;
import java.util.List;
import picocli.CommandLine.Help;
import picocli.CommandLine.Help.Ansi;
import picocli.CommandLine.Help.Ansi.Text;
import picocli.CommandLine.Help.Column;
import picocli.CommandLine.Help.Column.Overflow;
import picocli.CommandLine.Help.TextTable;

/**
 * Aligned lines for people, by the command-line library's own table: texts begin below each other,
 * numbers end below each other, and each column is as wide as what stands in it.
 */
final class Table {

  private static final String GAP = "  ";

  private final List<Align> aligns = new ArrayList<>();
  private final List<String[]> rows = new ArrayList<>();

  private enum Align {
    LEFT,
    RIGHT
  }

  /**
   * A table whose columns have these heads.
   *
   * @param heads a head that begins with {@code >} is that of a column of numbers
   */
  Table(String... heads) {
    String[] names = new String[heads.length];
    for (int i = 0; i < heads.length; i++) {
      boolean numbers = heads[i].startsWith(">");
      aligns.add(numbers ? Align.RIGHT : Align.LEFT);
      names[i] = numbers ? heads[i].substring(1) : heads[i];
    }
    rows.add(names);
  }

  /** Adds a row of as many cells as there are heads. */
  Table row(Object... cells) {
    if (cells.length != aligns.size()) {
      throw new IllegalArgumentException(
          "a row needs %d cells but has %d".formatted(aligns.size(), cells.length));
    }
    String[] texts = new String[cells.length];
    for (int i = 0; i < cells.length; i++) {
      texts[i] = String.valueOf(cells[i]);
    }
    rows.add(texts);
    return this;
  }

  /** Prints head and rows. */
  void print(PrintWriter out) {
    int[] widths = new int[aligns.size()];
    for (String[] row : rows) {
      for (int i = 0; i < row.length; i++) {
        widths[i] = Math.max(widths[i], row[i].length());
      }
    }
    Column[] columns = new Column[widths.length];
    int total = 0;
    for (int i = 0; i < columns.length; i++) {
      int width = widths[i] + (i == 0 ? 0 : GAP.length());
      // a cell that is as wide as its column must not wrap
      columns[i] = new Column(width + 1, i == 0 ? 0 : GAP.length() - 1, Overflow.SPAN);
      total += width + 1;
    }
    TextTable table = TextTable.forColumns(Help.defaultColorScheme(Ansi.OFF), columns);
    table.setAdjustLineBreaksForWideCJKCharacters(true);
    for (String[] row : rows) {
      table.addRowValues(aligned(row, widths));
    }
    table.toString().lines().map(String::stripTrailing).forEach(out::println);
    out.flush();
  }

  private Text[] aligned(String[] row, int[] widths) {
    Text[] cells = new Text[row.length];
    for (int i = 0; i < row.length; i++) {
      String pad = aligns.get(i) == Align.RIGHT ? " ".repeat(widths[i] - row[i].length()) : "";
      cells[i] = Ansi.OFF.new Text(pad + row[i], Help.defaultColorScheme(Ansi.OFF));
    }
    return cells;
  }
}
