package io.clawterm.node;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.typesafe.config.Config;
import com.typesafe.config.ConfigFactory;
import com.typesafe.config.ConfigRenderOptions;
import com.typesafe.config.ConfigValue;
import com.typesafe.config.ConfigValueType;
import io.clawterm.http.MicrometerSessionMetrics;
import io.clawterm.model.GenAi;
import io.clawterm.protocol.Code;
import io.clawterm.protocol.FrameType;
import io.clawterm.telemetry.SpanAttributes;
import io.micrometer.prometheusmetrics.PrometheusConfig;
import io.micrometer.prometheusmetrics.PrometheusMeterRegistry;
import io.opentelemetry.api.common.AttributeKey;
import java.io.IOException;
import java.io.InputStream;
import java.lang.reflect.Field;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import java.util.TreeMap;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;
import picocli.CommandLine;

/** The reference pages say what the code says: nothing is left out, nothing is made up. */
class ReferencePagesTest {

  private static final Pattern SETTING =
      Pattern.compile("^\\| `([a-z0-9.-]+)` \\| `(.*?)` \\| (.+) \\|$", Pattern.MULTILINE);
  private static final Pattern HEADING = Pattern.compile("^## ", Pattern.MULTILINE);
  private static final Pattern METRIC =
      Pattern.compile("^# TYPE (clawterm_\\w+) ", Pattern.MULTILINE);

  @Test
  void eachSettingStandsWithItsDefaultInConfiguration() throws IOException {
    Config defaults = ConfigFactory.parseResources("reference.conf").getConfig("clawterm");
    Map<String, String> expected = new TreeMap<>();
    for (Map.Entry<String, ConfigValue> entry : defaults.entrySet()) {
      expected.put("clawterm." + entry.getKey(), shown(entry.getValue()));
    }

    Map<String, String> written = new TreeMap<>();
    for (String section : sections("configuration.md")) {
      String block = section.lines().findFirst().orElse("");
      if (block.startsWith("clawterm.")) {
        SETTING
            .matcher(section)
            .results()
            .forEach(row -> written.put(block + "." + row.group(1), row.group(2)));
      }
    }

    assertThat(written).isEqualTo(expected);
  }

  @Test
  void eachCommandAndEachOptionStandsInCommands() throws IOException {
    Map<String, String> sections = new TreeMap<>();
    for (String section : sections("commands.md")) {
      sections.put(section.lines().findFirst().orElse(""), section);
    }
    List<String> missing = new ArrayList<>();

    for (CommandLine command : Main.commandLine().getSubcommands().values()) {
      String name = command.getCommandName();
      if (command.getCommandSpec().usageMessage().hidden() || name.equals("help")) {
        continue;
      }
      String section = sections.getOrDefault(name, "");
      if (section.isEmpty()) {
        missing.add(name);
      }
      for (CommandLine.Model.OptionSpec option : command.getCommandSpec().options()) {
        boolean everywhere = option.usageHelp() || option.versionHelp();
        if (!everywhere && !section.contains(option.longestName())) {
          missing.add(name + " " + option.longestName());
        }
      }
    }

    assertThat(missing).isEmpty();
  }

  @Test
  void eachTypeCodeAndFieldStandsWithItsValueInProtocol() throws IOException {
    String page = page("protocol.md");
    List<String> rows = new ArrayList<>();
    for (FrameType type : FrameType.values()) {
      rows.add(String.format(Locale.ROOT, "| %s | 0x%02X |", type, type.code()));
    }
    for (Code code : Code.values()) {
      rows.add(String.format(Locale.ROOT, "| %d | %s |", code.value(), code));
    }
    JsonNode vectors = vectors();
    vectors
        .path("tags")
        .properties()
        .forEach(tag ->
            rows.add(
                String.format(
                    Locale.ROOT,
                    "| 0x%02X | %s |",
                    tag.getValue().path("tag").asInt(),
                    tag.getKey())));
    vectors
        .path("flags")
        .properties()
        .forEach(flag ->
            rows.add(
                String.format(
                    Locale.ROOT, "| %s | 0x%02X |", flag.getKey(), flag.getValue().asInt())));

    assertThat(rows).hasSizeGreaterThan(40).allSatisfy(row -> assertThat(page).contains(row));
  }

  @Test
  void eachPathOfTheContractStandsInHttpApi() throws IOException {
    String page = page("http-api.md");
    List<String> paths =
        Pattern.compile("^  (/\\S*):$", Pattern.MULTILINE)
            .matcher(resource("/openapi.yaml"))
            .results()
            .map(found -> found.group(1))
            .toList();

    assertThat(paths)
        .hasSizeGreaterThan(5)
        .allSatisfy(path -> assertThat(page).contains("`" + path + "`"));
  }

  @Test
  void eachAttributeOfASpanStandsInTraces() throws ReflectiveOperationException, IOException {
    String page = page("traces.md");
    List<String> names = new ArrayList<>();
    for (Class<?> holder : List.of(SpanAttributes.class, GenAi.class)) {
      for (Field field : holder.getFields()) {
        if (field.get(null) instanceof AttributeKey<?> key) {
          names.add(key.getKey());
        }
      }
    }

    assertThat(names)
        .hasSizeGreaterThan(20)
        .allSatisfy(name -> assertThat(page).contains("| `" + name + "` |"));
  }

  @Test
  void eachMetricOfSessionsStandsInMetrics() throws IOException {
    var registry = new PrometheusMeterRegistry(PrometheusConfig.DEFAULT);
    var unused = new MicrometerSessionMetrics(registry);
    String page = page("metrics.md");
    List<String> names =
        METRIC.matcher(registry.scrape()).results().map(found -> found.group(1)).toList();

    assertThat(names)
        .hasSizeGreaterThan(4)
        .allSatisfy(name -> assertThat(page).contains("`" + name + "`"));
  }

  private static String shown(ConfigValue value) {
    if (value.valueType() == ConfigValueType.STRING) {
      String text = (String) value.unwrapped();
      return text.isEmpty() ? "\"\"" : text;
    }
    return value.render(ConfigRenderOptions.concise());
  }

  private static JsonNode vectors() throws IOException {
    return new ObjectMapper().readTree(resource("/io/clawterm/protocol/vectors.json"));
  }

  private static String resource(String name) throws IOException {
    try (InputStream in =
        Objects.requireNonNull(ReferencePagesTest.class.getResourceAsStream(name), name)) {
      return new String(in.readAllBytes(), StandardCharsets.UTF_8);
    }
  }

  /** What begins at each heading of the second level; the heading's text comes first. */
  private static List<String> sections(String name) throws IOException {
    return HEADING.splitAsStream(page(name)).toList();
  }

  /** The tests run in the folder of the module. */
  private static String page(String name) throws IOException {
    return Files.readString(Path.of("../../docs/reference").resolve(name));
  }
}
