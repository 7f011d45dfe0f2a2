package io.clawterm.node;

import java.util.ArrayList;
import java.util.List;

/** A table as lines of text; columns are as wide as what stands in them. */
final class TextTable {

  private static final String GAP = "  ";

  private final List<String> header;
  private final List<List<String>> rows = new ArrayList<>();

  /** A column whose name begins with {@code >} is aligned to the right. */
  TextTable(String... header) {
    this.header = List.of(header);
  }

  void add(String... cells) {
    rows.add(List.of(cells));
  }

  /** The header and the rows. */
  List<String> lines() {
    List<String> names = header.stream().map(name -> name.replaceFirst("^>", "")).toList();
    int[] widths = new int[header.size()];
    widen(widths, names);
    rows.forEach(row -> widen(widths, row));
    List<String> lines = new ArrayList<>();
    lines.add(line(names, widths));
    rows.forEach(row -> lines.add(line(row, widths)));
    return lines;
  }

  private static void widen(int[] widths, List<String> cells) {
    for (int i = 0; i < widths.length; i++) {
      widths[i] = Math.max(widths[i], cells.get(i).length());
    }
  }

  private String line(List<String> cells, int[] widths) {
    var line = new StringBuilder();
    for (int i = 0; i < widths.length; i++) {
      String space = " ".repeat(widths[i] - cells.get(i).length());
      boolean right = header.get(i).startsWith(">");
      line.append(i == 0 ? "" : GAP)
          .append(right ? space : "")
          .append(cells.get(i))
          .append(right ? "" : space);
    }
    return line.toString().stripTrailing();
  }
}
