package io.clawterm.http;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import com.fasterxml.jackson.databind.JsonNode;
import io.clawterm.storage.LeaseState;
import java.nio.file.Path;
import java.time.Duration;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class HealthTest {

  private static final Duration LIMIT = Duration.ofSeconds(60);

  @TempDir Path folder;

  @Test
  void readinessFollowsStartDatabaseAndDraining() {
    try (TestDatabase database = new TestDatabase(folder);
        TestNode node = new TestNode(database, new ManualClock());
        TestServer server = new TestServer(node, database, TestServer.registry())) {
      assertThat(server.open("/livez").status()).isEqualTo(200);
      assertThat(server.open("/startupz").status()).isEqualTo(503);
      assertThat(server.open("/readyz").status()).isEqualTo(503);

      server.readiness.started();
      awaitReady(server, 200);
      assertThat(server.open("/startupz").status()).isEqualTo(200);

      database.stopServer();
      awaitReady(server, 503);
      JsonNode checks = server.open("/readyz").json().get("checks");
      assertThat(checks.get("database").get("ok").asBoolean()).isFalse();
      assertThat(checks.get("cluster").get("ok").asBoolean()).isTrue();
      assertThat(server.open("/livez").status()).isEqualTo(200);
      var sessions = server.get("/api/v1/sessions");
      assertThat(sessions.status()).isEqualTo(503);
      assertThat(sessions.problem()).isEqualTo("database-unavailable");
      assertThat(sessions.header("retry-after")).isEqualTo("1");
      var status = server.get("/api/v1/status");
      assertThat(status.status()).isEqualTo(200);
      assertThat(status.json().get("database").get("ok").asBoolean()).isFalse();
      assertThat(status.json().has("sessions")).isFalse();

      database.startServer();
      awaitReady(server, 200);
      assertThat(server.get("/api/v1/sessions").status()).isEqualTo(200);

      LeaseState well = server.lease.get();
      server.lease.set(
          new LeaseState(1, true, Duration.ofSeconds(7), well.clockSkew(), well.maxClockSkew()));
      awaitReady(server, 503);
      assertThat(reason(server, "lease")).contains("has not confirmed for 7 s");
      server.lease.set(
          new LeaseState(1, false, Duration.ZERO, well.clockSkew(), well.maxClockSkew()));
      awaitReady(server, 503);
      assertThat(reason(server, "lease")).contains("another node has taken over");
      assertThat(server.get("/api/v1/status").json().at("/lease/held").asBoolean()).isFalse();
      server.lease.set(well);
      awaitReady(server, 200);

      server.readiness.drain();
      awaitReady(server, 503);
      assertThat(server.open("/readyz").json().get("checks").get("draining").get("reason").asText())
          .isEqualTo("the node is about to stop");
      assertThat(server.open("/livez").status()).isEqualTo(200);
    }
  }

  private static String reason(TestServer server, String check) {
    return server.open("/readyz").json().at("/checks/" + check + "/reason").asText();
  }

  private static void awaitReady(TestServer server, int status) {
    await()
        .atMost(LIMIT)
        .untilAsserted(() -> assertThat(server.open("/readyz").status()).isEqualTo(status));
  }
}
