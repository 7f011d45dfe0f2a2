package io.clawterm.node;

import static java.util.stream.Collectors.toSet;
import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import com.fasterxml.jackson.dataformat.yaml.YAMLMapper;
import java.io.File;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.TimeUnit;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Alerts and dashboards ask for metrics that there are, and each alert says what to do. */
class AlertRulesTest {

  private static final Path ROOT = ArchitectureTest.repository();
  private static final Path CHART = ROOT.resolve("helm/clawterm");
  private static final Path RULES = CHART.resolve("alerts/clawterm.yaml");
  private static final Path RUNBOOK = ROOT.resolve("docs/how-to/runbook");
  private static final Path EXAMPLES = ROOT.resolve("modules/node/src/test/resources/alerts");

  /** A metric's name in the code ends where Prometheus' form of it adds unit and kind. */
  private static final Pattern ADDED = Pattern.compile("(_seconds)?(_max|_total)?$");

  private static final Pattern METRIC = Pattern.compile("clawterm_[a-z_]+");
  private static final Pattern ROW = Pattern.compile("(?m)^\\| (.+?) \\| (\\w+).*$");

  @TempDir Path folder;

  @Test
  void eachMetricThatARuleNamesIsInTheReference() throws IOException {
    Set<String> known = documented();
    List<String> expressions = new ArrayList<>();
    for (JsonNode rule : rules()) {
      expressions.add(rule.path("expr").asText());
    }

    assertThat(named(expressions)).hasSizeGreaterThan(8).isSubsetOf(known);
  }

  @Test
  void eachMetricThatADashboardNamesIsInTheReference() throws IOException {
    Set<String> known = documented();

    for (Path file : dashboards()) {
      JsonNode dashboard = new ObjectMapper().readTree(file.toFile());
      List<String> expressions = dashboard.findValuesAsText("expr");
      dashboard.path("templating").path("list").findValuesAsText("query").forEach(expressions::add);

      assertThat(named(expressions)).as(file.toString()).hasSizeGreaterThan(8).isSubsetOf(known);
    }
  }

  @Test
  void eachMetricOfTheReferenceIsInTheCode() throws IOException {
    List<String> code = code();
    List<String> missing = new ArrayList<>();

    for (String name : named(rows())) {
      String whole = ADDED.matcher(name).replaceFirst("").replace('_', '.');
      if (code.stream().noneMatch(file -> registers(file, whole))) {
        missing.add(name);
      }
    }

    assertThat(missing).isEmpty();
  }

  /** A meter's name stands there in one piece, or after the name of its module. */
  private static boolean registers(String file, String whole) {
    int module = whole.indexOf('.', "clawterm.".length()) + 1;
    return file.contains('"' + whole + '"')
        || (file.contains('"' + whole.substring(0, module) + '"')
            && file.contains('"' + whole.substring(module) + '"'));
  }

  /** The text of each class of the modules. */
  private static List<String> code() throws IOException {
    List<String> texts = new ArrayList<>();
    List<Path> modules;
    try (Stream<Path> folders = Files.list(ROOT.resolve("modules"))) {
      modules = folders.map(folder -> folder.resolve("src/main/java")).toList();
    }
    for (Path module : modules) {
      try (Stream<Path> files = Files.walk(module)) {
        for (Path file : files.filter(each -> each.toString().endsWith(".java")).toList()) {
          texts.add(Files.readString(file));
        }
      }
    }
    return texts;
  }

  @Test
  void aDashboardsPanelsAreApartAndComplete() throws IOException {
    Set<String> ids = new HashSet<>();
    for (Path file : dashboards()) {
      JsonNode dashboard = new ObjectMapper().readTree(file.toFile());
      Set<String> places = new HashSet<>();

      assertThat(ids.add(dashboard.path("uid").asText())).isTrue();
      assertThat(dashboard.path("panels")).hasSizeGreaterThan(8);
      for (JsonNode panel : dashboard.path("panels")) {
        assertThat(ids.add(file + "#" + panel.path("id").asInt())).isTrue();
        assertThat(panel.path("title").asText()).isNotEmpty();
        assertThat(panel.at("/datasource/uid").asText()).isEqualTo("${datasource}");
        assertThat(panel.path("targets")).isNotEmpty();
        JsonNode place = panel.path("gridPos");
        for (int x = 0; x < place.path("w").asInt(); x++) {
          for (int y = 0; y < place.path("h").asInt(); y++) {
            int column = place.path("x").asInt() + x;
            int row = place.path("y").asInt() + y;
            assertThat(column).isLessThan(24);
            assertThat(places.add(column + "," + row)).as(panel.path("title").asText()).isTrue();
          }
        }
      }
    }
  }

  @Test
  void eachAlertHasAPageThatSaysWhatToDo() throws IOException {
    String contents = Files.readString(RUNBOOK.resolve("README.md"));
    Set<String> pages = new TreeSet<>();

    for (JsonNode rule : rules()) {
      String alert = rule.path("alert").asText();
      Path page = ROOT.resolve(rule.at("/annotations/runbook").asText());
      assertThat(page).hasParent(RUNBOOK).isRegularFile();
      String name = page.getFileName().toString();
      pages.add(name);
      assertThat(Files.readString(page))
          .startsWith("# " + alert + "\n")
          .contains("**What people notice.**", "**Look.**", "**Do.**");
      assertThat(contents)
          .contains("[" + alert + "](" + name + ") | " + rule.at("/labels/severity").asText());
      assertThat(rule.at("/annotations/summary").asText()).isNotEmpty();
    }

    try (Stream<Path> files = Files.list(RUNBOOK)) {
      assertThat(files.map(file -> file.getFileName().toString()))
          .filteredOn(name -> !name.equals("README.md"))
          .containsExactlyInAnyOrderElementsOf(pages);
    }
  }

  /** Prometheus' own check; Debian's package {@code prometheus} has it. */
  @Test
  void prometheusTakesTheRules() throws Exception {
    assumeTrue(promtool().isPresent(), "promtool is not there");

    String told = run("check", "rules", RULES.toString());

    assertThat(told).contains(rules().size() + " rules found");
  }

  /** The same for what the dashboards ask, as rules that record it. */
  @Test
  void prometheusTakesTheQuestionsOfTheDashboards() throws Exception {
    assumeTrue(promtool().isPresent(), "promtool is not there");
    var yaml = new YAMLMapper();
    ArrayNode rules = yaml.createArrayNode();
    for (Path file : dashboards()) {
      for (String asked : new ObjectMapper().readTree(file.toFile()).findValuesAsText("expr")) {
        ObjectNode rule = rules.addObject();
        rule.put("record", "asked:" + rules.size());
        rule.put("expr", asked.replace("$__rate_interval", "5m"));
      }
    }
    ObjectNode groups = yaml.createObjectNode();
    groups.putArray("groups").addObject().put("name", "dashboards").set("rules", rules);
    Path file = folder.resolve("dashboards.yaml");
    yaml.writeValue(file.toFile(), groups);

    String told = run("check", "rules", file.toString());

    assertThat(rules).hasSizeGreaterThan(30);
    assertThat(told).contains(rules.size() + " rules found");
  }

  /** Series that must raise an alert, and ones that must not. */
  @Test
  void theRulesSayWhatTheyShould() throws Exception {
    assumeTrue(promtool().isPresent(), "promtool is not there");

    assertThat(run("test", "rules", EXAMPLES.resolve("examples.yaml").toString()))
        .contains("SUCCESS");
  }

  private static String run(String... arguments) throws Exception {
    List<String> command = new ArrayList<>(List.of(promtool().orElseThrow().toString()));
    command.addAll(List.of(arguments));
    Process process = new ProcessBuilder(command).redirectErrorStream(true).start();
    String told = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    assertThat(process.waitFor(60, TimeUnit.SECONDS)).isTrue();
    assertThat(process.exitValue()).as(told).isZero();
    return told;
  }

  private static Optional<Path> promtool() {
    String path = Optional.ofNullable(System.getenv("PATH")).orElse("");
    return Arrays.stream(path.split(File.pathSeparator, -1))
        .filter(folder -> !folder.isEmpty())
        .map(folder -> Path.of(folder, "promtool"))
        .filter(Files::isExecutable)
        .findFirst();
  }

  private static List<JsonNode> rules() throws IOException {
    List<JsonNode> rules = new ArrayList<>();
    for (JsonNode group : new YAMLMapper().readTree(RULES.toFile()).path("groups")) {
      group.path("rules").forEach(rules::add);
    }
    assertThat(rules).hasSizeGreaterThan(8);
    return rules;
  }

  private static List<Path> dashboards() throws IOException {
    try (Stream<Path> files = Files.list(CHART.resolve("dashboards"))) {
      List<Path> found = files.sorted().toList();
      assertThat(found).hasSizeGreaterThan(1);
      return found;
    }
  }

  private static Set<String> named(List<String> expressions) {
    return expressions.stream()
        .flatMap(each -> METRIC.matcher(each).results().map(found -> found.group()))
        .collect(toSet());
  }

  /** The metrics of the reference, and the series that a histogram or a summary has. */
  private static Set<String> documented() throws IOException {
    Set<String> names = new HashSet<>();
    ROW.matcher(reference())
        .results()
        .forEach(row -> {
          for (String name : named(List.of(row.group(1)))) {
            names.add(name);
            String kind = row.group(2);
            if (kind.equals("histogram") || kind.equals("summary")) {
              names.addAll(List.of(name + "_count", name + "_sum"));
            }
            if (kind.equals("histogram")) {
              names.add(name + "_bucket");
            }
          }
        });
    return names;
  }

  /** The first columns of the reference's tables. */
  private static List<String> rows() throws IOException {
    return ROW.matcher(reference()).results().map(row -> row.group(1)).toList();
  }

  private static String reference() throws IOException {
    return Files.readString(ROOT.resolve("docs/reference/metrics.md"));
  }
}
