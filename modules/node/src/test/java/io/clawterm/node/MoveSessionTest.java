package io.clawterm.node;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A session that moves between two servers and back, all of it from outside. */
@Tag("long")
class MoveSessionTest {

  private static final ObjectMapper JSON = new ObjectMapper();
  private static final Duration LIMIT = Duration.ofMinutes(1);

  @TempDir Path laptopHome;
  @TempDir Path clusterHome;
  @TempDir Path files;

  @Test
  void aConversationMovesThereAndBack() throws Exception {
    Cli laptop = Cli.in(laptopHome);
    Cli cluster = Cli.in(clusterHome);
    try (RunningNode first = RunningNode.up(laptop);
        RunningNode second = RunningNode.up(cluster)) {
      assertThat(first.pid()).isNotEqualTo(second.pid());
      String id = talk(laptop);
      Path out = files.resolve("out.clawterm");
      Cli.Result exported = laptop.run("export", id, "-o", out.toString()).succeeded();
      assertThat(PosixFilePermissions.toString(Files.getPosixFilePermissions(out)))
          .isEqualTo("rw-------");
      String signer = exported.out().replaceAll("(?s).*signed by ([0-9A-F:]{95}).*", "$1");
      assertThat(laptop.run("export", id, "-o", out.toString()).code()).isEqualTo(1);

      Cli.Result unknown = cluster.run("import", out.toString());
      assertThat(unknown.code()).isEqualTo(1);
      assertThat(unknown.err()).contains(signer);
      Cli.Result imported = cluster.run("import", out.toString(), "--trust", signer).succeeded();
      assertThat(imported.out())
          .contains("Session " + id + " is here")
          .contains("clawterm connect agent:demo --key talk");
      assertThat(cluster.run("import", out.toString(), "--trust", signer).succeeded().out())
          .contains("here already: session " + id);
      assertThat(resumed(cluster, "talk")).isEqualTo(resumed(laptop, "talk"));

      assertThat(
              cluster
                  .run(
                      "send",
                      "--target",
                      "agent:demo",
                      "--key",
                      "talk",
                      "count to 2 at 100 per second")
                  .succeeded()
                  .out())
          .endsWith("1 2\n");
      Path back = files.resolve("back.clawterm");
      JsonNode again =
          JSON.readTree(
              cluster.run("export", id, "--output", back.toString(), "--json").succeeded().out());
      List<String> before = entries(out);
      List<String> after = entries(back);
      assertThat(after).hasSizeGreaterThan(before.size());
      assertThat(after.subList(0, before.size())).isEqualTo(before);
      laptop.run("close", id).succeeded();

      JsonNode home =
          JSON.readTree(
              laptop
                  .run(
                      "import", back.toString(), "--json", "--trust", again.path("signer").asText())
                  .succeeded()
                  .out());

      assertThat(home.path("id").asText()).isNotEqualTo(id);
      assertThat(home.path("key").asText()).isEqualTo("talk");
      assertThat(home.path("thereState").asText()).isEqualTo("ended");
      assertThat(resumed(laptop, "talk")).isEqualTo(resumed(cluster, "talk")).contains("1 2 3 4 5");
      Path third = files.resolve("third.clawterm");
      laptop.run("export", home.path("id").asText(), "-o", third.toString()).succeeded();
      assertThat(entries(third)).isEqualTo(after);
    }
  }

  @Test
  void anImportThatIsKilledLeavesNothingThatIsSeenAndIsGoneOnWith() throws Exception {
    Cli laptop = Cli.in(laptopHome);
    Path out = files.resolve("out.clawterm");
    String id;
    String signer;
    try (RunningNode node = RunningNode.up(laptop)) {
      assertThat(node.pid()).isPositive();
      id = talk(laptop);
      String large = "count to 120000 at 10000 per second";
      laptop.run("send", "--target", "agent:demo", "--key", "talk", large).succeeded();
      signer =
          JSON.readTree(laptop.run("export", id, "--json", "-o", out.toString()).succeeded().out())
              .path("signer")
              .asText();
    }
    List<String> entries = entries(out);
    assertThat(Files.size(out)).isGreaterThan(700_000);
    Cli cluster = Cli.in(clusterHome);
    for (int round = 1; round <= 3; round++) {
      try (RunningNode node = RunningNode.up(cluster);
          HttpClient http = HttpClient.newHttpClient()) {
        double before = commits(http, node);
        int parts = 2; // of about eight
        CompletableFuture<HttpResponse<String>> importing =
            http.sendAsync(
                HttpRequest.newBuilder(
                        http(node).resolve("/api/v1/sessions/bundles?trust=" + signer))
                    .header("Authorization", "Bearer " + node.token())
                    .POST(HttpRequest.BodyPublishers.ofFile(out))
                    .build(),
                HttpResponse.BodyHandlers.ofString());
        await()
            .atMost(LIMIT)
            .pollDelay(Duration.ZERO)
            .pollInterval(Duration.ofMillis(1))
            .until(() -> importing.isDone() || commits(http, node) >= before + parts);
        node.kill();
        assertThat(importing.handle((answer, failure) -> true).get(1, TimeUnit.MINUTES)).isTrue();
      }
    }
    try (RunningNode node = RunningNode.up(cluster)) {
      assertThat(node.pid()).isPositive();
      JsonNode result =
          JSON.readTree(
              cluster.run("import", out.toString(), "--trust", signer, "--json").succeeded().out());

      assertThat(result.path("id").asText()).isEqualTo(id);
      Path again = files.resolve("again.clawterm");
      cluster.run("export", id, "-o", again.toString()).succeeded();
      assertThat(entries(again)).isEqualTo(entries);
      await()
          .atMost(LIMIT)
          .untilAsserted(() ->
              assertThat(
                      JSON.readTree(cluster.run("sessions", "--json").succeeded().out())
                          .findValuesAsText("id"))
                  .containsExactly(id));
    }
  }

  private static URI http(RunningNode node) throws IOException {
    return URI.create(node.file().path("http").asText());
  }

  /** How many commits the sessions of a node have made. */
  private static double commits(HttpClient http, RunningNode node) throws Exception {
    return http.send(
            HttpRequest.newBuilder(http(node).resolve("/metrics")).build(),
            HttpResponse.BodyHandlers.ofString())
        .body()
        .lines()
        .filter(line -> line.startsWith("clawterm_session_commit_seconds_count"))
        .mapToDouble(line -> Double.parseDouble(line.substring(line.lastIndexOf(' ') + 1)))
        .sum();
  }

  /** A session under the key talk, with one answer. */
  private static String talk(Cli cli) throws Exception {
    cli.run("send", "--target", "agent:demo", "--key", "talk", "count to 5 at 100 per second")
        .succeeded();
    await()
        .atMost(LIMIT)
        .until(() -> !JSON.readTree(cli.run("sessions", "--json").out()).isEmpty());
    return JSON.readTree(cli.run("sessions", "--json").succeeded().out())
        .path(0)
        .path("id")
        .asText();
  }

  /** What a device that comes by the key is shown. */
  private static String resumed(Cli cli, String key) throws Exception {
    return cli.runWith("", "connect", "agent:demo", "--key", key).succeeded().out();
  }

  private static List<String> entries(Path bundle) throws IOException {
    return Files.readAllLines(bundle).stream()
        .filter(line -> line.startsWith("{\"entry\":"))
        .toList();
  }
}
