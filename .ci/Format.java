import com.google.googlejavaformat.java.Formatter;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;

/** Checks ({@code check}) or sets ({@code apply}) the formatting of each Java file of the repository. */
public final class Format {

  public static void main(String[] arguments) throws Exception {
    boolean apply = arguments.length > 0 && arguments[0].equals("apply");
    var formatter = new Formatter();
    List<Path> different = new ArrayList<>();
    for (Path file : javaFiles()) {
      String source = Files.readString(file);
      String formatted = formatter.formatSourceAndFixImports(source);
      if (!formatted.equals(source)) {
        different.add(file);
        if (apply) {
          Files.writeString(file, formatted);
        }
      }
    }
    for (Path file : different) {
      System.out.println((apply ? "formatted " : "not formatted: ") + file);
    }
    if (!apply && !different.isEmpty()) {
      System.out.println("To mend: mvn -N process-sources -Dformat=apply");
      System.exit(1);
    }
  }

  private static List<Path> javaFiles() throws IOException {
    try (Stream<Path> files = Files.walk(Path.of(""))) {
      return files
          .filter(file -> file.toString().endsWith(".java"))
          .filter(file -> !file.startsWith(".ci") && !file.toString().contains("/target/"))
          .sorted()
          .toList();
    }
  }
}
