package io.clawterm.node;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.StreamSupport;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What an operator asks a node that runs, as processes of their own. */
class ClusterCommandsTest {

  private static final ObjectMapper JSON = new ObjectMapper();

  @TempDir static Path home;

  private static Cli cli;
  private static RunningNode node;

  @BeforeAll
  static void start() throws Exception {
    cli = Cli.in(home);
    Files.createDirectory(cli.data());
    Files.writeString(
        cli.data().resolve("config.conf"),
        "clawterm { node.tls = on, http { health-port = 0, health-bind = \"0.0.0.0\" } }\n");
    node = RunningNode.up(cli);
    cli.run("send", "--target", "agent:demo", "count to 3").succeeded();
  }

  @AfterAll
  static void stop() {
    node.close();
  }

  @Test
  void clusterTellsOfTheNodesAndTheirSessions() throws Exception {
    JsonNode seen = JSON.readTree(cli.run("cluster", "--json").succeeded().out());
    List<String> lines = cli.run("cluster").succeeded().out().lines().toList();

    assertThat(seen.path("nodes")).hasSize(1);
    assertThat(seen.at("/nodes/0/connected").asBoolean()).isTrue();
    assertThat(seen.at("/nodes/0/figures/inputs").asLong()).isPositive();
    assertThat(seen.at("/nodes/0/figures/entries").asLong()).isPositive();
    assertThat(seen.at("/nodes/0/figures/cpu").asDouble()).isBetween(0.0, 1.0);
    assertThat(lines)
        .anyMatch(line -> line.startsWith("cluster     1 node, 1 up"))
        .noneMatch(line -> line.startsWith(ClusterView.PROBLEM));
  }

  @Test
  void aNodeAloneWaitsForSomebodyWhoTakesOver() throws Exception {
    Cli.Result drained = cli.run("drain", "--timeout", "5");
    try {
      assertThat(drained.code()).isEqualTo(1);
      assertThat(drained.err()).contains("no other node that could take over");
      assertThat(cli.run("drain", "999").err()).contains("there is no node 999");
      JsonNode seen = JSON.readTree(cli.run("cluster", "--json").succeeded().out());
      assertThat(seen.at("/nodes/0/draining").asBoolean()).isTrue();
    } finally {
      cli.run("drain", "--undo").succeeded();
    }
    cli.run("send", "--target", "agent:demo", "count to 2").succeeded();
  }

  @Test
  void topWritesLinesWhereThereIsNoTerminal() throws Exception {
    List<JsonNode> looks =
        cli.run("top", "-n", "2", "--json")
            .succeeded()
            .out()
            .lines()
            .map(ClusterCommandsTest::read)
            .toList();
    String text = cli.run("top", "-n", "1").succeeded().out();

    assertThat(looks).hasSize(2);
    assertThat(looks.getFirst().at("/nodes/0/rates")).isEmpty();
    assertThat(looks.getLast().at("/nodes/0/rates").has("entriesPerSecond")).isTrue();
    assertThat(text).contains("INPUTS/S").contains("may write").doesNotContain("\u001b");
    assertThat(cli.run("top", "-n", "0").code()).isEqualTo(Main.WRONG_USE);
  }

  private static JsonNode read(String line) {
    try {
      return JSON.readTree(line);
    } catch (com.fasterxml.jackson.core.JsonProcessingException e) {
      throw new IllegalStateException(line, e);
    }
  }

  @Test
  void doctorLooksAtTheRunningServersLeaseClockSchemaAndCluster() throws Exception {
    JsonNode findings = JSON.readTree(cli.run("doctor", "--json").succeeded().out());

    assertThat(
            StreamSupport.stream(findings.spliterator(), false)
                .filter(finding -> finding.path("grade").asText().equals("ok"))
                .map(finding -> finding.path("what").asText()))
        .contains("cluster", "lease", "clock", "schema", "database", "database disk");
  }

  @Test
  void probesHaveAPortWithoutTls() throws Exception {
    JsonNode status = JSON.readTree(cli.run("status", "--json").succeeded().out());
    JsonNode health =
        StreamSupport.stream(status.path("listeners").spliterator(), false)
            .filter(each -> each.path("name").asText().equals("health"))
            .findFirst()
            .orElseThrow();
    assertThat(health.path("tls").asBoolean()).isFalse();
    String address = health.path("address").asText();
    String base = "http://127.0.0.1" + address.substring(address.lastIndexOf(':'));

    try (HttpClient client = HttpClient.newHttpClient()) {
      assertThat(get(client, base + "/livez").statusCode()).isEqualTo(200);
      assertThat(get(client, base + "/readyz").body()).contains("\"lease\":{\"ok\":true");
      assertThat(get(client, base + "/metrics").statusCode()).isEqualTo(404);
    }
  }

  private static HttpResponse<String> get(HttpClient client, String uri) throws Exception {
    return client.send(
        HttpRequest.newBuilder(URI.create(uri)).build(), HttpResponse.BodyHandlers.ofString());
  }
}
