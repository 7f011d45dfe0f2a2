package io.clawterm.http;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import akka.actor.typed.ActorRef;
import akka.actor.typed.Props;
import akka.actor.typed.javadsl.Behaviors;
import akka.actor.typed.receptionist.Receptionist;
import com.fasterxml.jackson.databind.JsonNode;
import io.clawterm.api.Principal;
import io.clawterm.api.SessionId;
import io.clawterm.storage.NodeLease;
import java.nio.file.Path;
import java.sql.Connection;
import java.sql.SQLException;
import java.sql.Statement;
import java.time.Clock;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.function.Predicate;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class ClusterApiTest {

  private static final Duration LIMIT = Duration.ofSeconds(60);

  @TempDir Path folder;

  @Test
  void aNodeTellsOfTheClusterWhateverIsAway() {
    try (TestServer server = TestServer.alone(folder)) {
      server.readiness.started();
      server.node.connect(
          new SessionId(0x1), "phone", Principal.LOCAL, Optional.of("key:1"), Optional.empty());
      JsonNode seen =
          seen(
              server,
              cluster ->
                  cluster.at("/sessions/attached").asInt() == 1
                      && cluster.at("/projection/commits").asInt() == 0
                      && self(cluster).at("/figures/sessions").asInt() == 1);
      assertThat(server.open("/api/v1/cluster").status()).isEqualTo(401);
      assertThat(self(seen).path("status").asText()).isEqualTo("up");
      assertThat(self(seen).path("connected").asBoolean())
          .as("no life of the database is at this address")
          .isFalse();
      JsonNode figures = self(seen).path("figures");
      assertThat(figures.path("shards").asInt()).isEqualTo(1);
      assertThat(figures.path("commits").asLong()).isPositive();
      assertThat(figures.path("commitSeconds").asDouble()).isPositive();
      assertThat(figures.path("heapUsedBytes").asLong()).isPositive();
      assertThat(figures.at("/lease/held").asBoolean()).isTrue();

      try (NodeLease starting =
          NodeLease.acquire(server.database.pool, Clock.systemUTC(), "x", "9")) {
        JsonNode absent = seen(server, cluster -> true).at("/nodes/1");
        assertThat(absent.path("number").asInt()).isEqualTo(starting.number());
        assertThat(absent.path("status").asText()).isEqualTo("absent");
        assertThat(absent.path("version").asText()).isEqualTo("9");
        assertThat(absent.path("connected").asBoolean()).isTrue();
      }

      // As a node does that hangs: it is known and says nothing.
      ActorRef<NodeReporter.Ask> deaf =
          server.node.system.systemActorOf(Behaviors.ignore(), "deaf", Props.empty());
      server.node.system.receptionist().tell(Receptionist.register(NodeReporter.KEY, deaf));
      await()
          .atMost(LIMIT)
          .untilAsserted(() -> {
            long before = System.nanoTime();
            JsonNode all = server.get("/api/v1/cluster").json();
            assertThat(self(all).at("/figures/commits").asLong()).isPositive();
            assertThat(Duration.ofNanos(System.nanoTime() - before))
                .isBetween(Duration.ofMillis(900), Duration.ofSeconds(5));
          });

      server.database.stopServer();
      await()
          .atMost(LIMIT)
          .untilAsserted(() -> {
            JsonNode without = server.get("/api/v1/cluster").json();
            assertThat(without.at("/database/ok").asBoolean()).isFalse();
            assertThat(without.has("sessions")).isFalse();
            assertThat(self(without).has("connected")).isFalse();
            assertThat(self(without).at("/figures/commits").asLong()).isPositive();
          });
      server.database.startServer();
    }
  }

  @Test
  void theOwnerSaysWhichNodeDrains() {
    try (TestServer server = TestServer.alone(folder);
        NodeLease other = NodeLease.acquire(server.database.pool, Clock.systemUTC(), "x", "9")) {
      assertThat(drain(server, "PUT", "" + other.number(), TestServer.MAY_TOKEN).status())
          .isEqualTo(403);
      assertThat(drain(server, "PUT", "one", TestServer.LOCAL_TOKEN).problem())
          .isEqualTo("invalid-parameter");
      assertThat(drain(server, "PUT", "999999999", TestServer.LOCAL_TOKEN).status()).isEqualTo(404);
      assertThat(drainingNodes(server)).isEmpty();

      assertThat(drain(server, "PUT", "" + other.number(), TestServer.LOCAL_TOKEN).json())
          .hasToString("{\"number\":%d,\"draining\":true}".formatted(other.number()));
      assertThat(drainingNodes(server)).containsExactly(other.number());

      assertThat(drain(server, "DELETE", "" + other.number(), TestServer.LOCAL_TOKEN).status())
          .isEqualTo(200);
      assertThat(drainingNodes(server)).isEmpty();
    }
  }

  private static TestServer.Answer drain(
      TestServer server, String method, String number, String token) {
    return server.send(
        server
            .request(method, "/api/v1/cluster/nodes/" + number + "/drain")
            .header("Authorization", "Bearer " + token));
  }

  private static List<Integer> drainingNodes(TestServer server) {
    List<Integer> numbers = new ArrayList<>();
    for (JsonNode node : seen(server, cluster -> true).path("nodes")) {
      if (node.path("draining").asBoolean()) {
        numbers.add(node.path("number").asInt());
      }
    }
    return numbers;
  }

  /** The member, which stands behind the lives of the database, as it has no number. */
  private static JsonNode self(JsonNode cluster) {
    JsonNode nodes = cluster.path("nodes");
    return nodes.path(nodes.size() - 1);
  }

  /** The answer once the database was not too late for it, as it may be on a busy machine. */
  private static JsonNode seen(TestServer server, Predicate<JsonNode> enough) {
    return await()
        .atMost(LIMIT)
        .until(
            () -> server.get("/api/v1/cluster").json(),
            seen -> seen.has("sessions") && enough.test(seen));
  }

  @Test
  void theListIsBehindByWhatItHasNotSeen() throws SQLException {
    try (TestDatabase database = new TestDatabase(folder)) {
      assertThat(ProjectionLag.of(database.pool)).isEqualTo(new ProjectionLag(0, Duration.ZERO));

      execute(
          database,
          """
          SET clawterm.node = 'operator';
          INSERT INTO clawterm.event_journal (persistence_id, sequence_number, writer,
            write_timestamp, event_ser_id, event_ser_manifest, event_payload)
          SELECT 'session|1', n, 'w', extract(epoch FROM now()) * 1000 - 60000, 1, '', ''
          FROM generate_series(1, 3) AS n;
          INSERT INTO clawterm.event_tag
          SELECT ordering, CASE sequence_number WHEN 2 THEN 'other' ELSE 'session-life' END
          FROM clawterm.event_journal;
          """);
      ProjectionLag all = ProjectionLag.of(database.pool);
      assertThat(all.commits()).isEqualTo(2);
      assertThat(all.oldest()).isBetween(Duration.ofSeconds(59), Duration.ofSeconds(120));

      execute(
          database,
          """
          INSERT INTO clawterm.akka_projection_offset_store
          SELECT 'session-summary', 'all', min(ordering)::text, 'LNG', false, 0
          FROM clawterm.event_journal;
          """);
      assertThat(ProjectionLag.of(database.pool).commits()).isEqualTo(1);
    }
  }

  private static void execute(TestDatabase database, String sql) throws SQLException {
    try (Connection connection = database.pool.getConnection();
        Statement statement = connection.createStatement()) {
      statement.execute(sql);
    }
  }
}
