package io.clawterm.http;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import com.fasterxml.jackson.databind.JsonNode;
import io.clawterm.storage.DiskState;
import io.clawterm.storage.LeaseState;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Optional;
import java.util.OptionalLong;
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
          new LeaseState(
              1,
              true,
              Duration.ofSeconds(7),
              well.roundTrip(),
              well.clockSkew(),
              well.maxClockSkew()));
      awaitReady(server, 503);
      assertThat(reason(server, "lease")).contains("has not confirmed for 7 s");
      server.lease.set(
          new LeaseState(
              1, false, Duration.ZERO, well.roundTrip(), well.clockSkew(), well.maxClockSkew()));
      awaitReady(server, 503);
      assertThat(reason(server, "lease")).contains("another node has taken over");
      assertThat(server.get("/api/v1/status").json().at("/lease/held").asBoolean()).isFalse();
      server.lease.set(well);
      awaitReady(server, 200);

      degradesVisibly(server, well);

      server.readiness.drain();
      awaitReady(server, 503);
      assertThat(server.open("/readyz").json().get("checks").get("draining").get("reason").asText())
          .isEqualTo("the node is about to stop");
      assertThat(server.open("/livez").status()).isEqualTo(200);
    }
  }

  /** What hinders nobody from working is said with 200; on a full disk nobody can. */
  private static void degradesVisibly(TestServer server, LeaseState well) {
    assertThat(server.open("/readyz").body()).doesNotContain("warning");

    server.lease.set(
        new LeaseState(
            1,
            true,
            Duration.ZERO,
            Duration.ofMillis(700),
            Duration.ofHours(-1),
            well.maxClockSkew()));
    server.disk.set(new DiskState(Optional.empty(), OptionalLong.of(1L << 29)));
    assertThat(server.open("/readyz").status()).isEqualTo(200);
    assertWarning(server, "database", "answers slowly");
    assertWarning(server, "clock", "sessions and tokens expire at the wrong time");
    assertWarning(server, "disk", "nearly full");
    JsonNode status = server.get("/api/v1/status").json();
    assertThat(status.at("/databaseMillis").asLong()).isEqualTo(700);
    assertThat(status.at("/disk/warning").asBoolean()).isTrue();
    assertThat(status.at("/lease/clockRight").asBoolean()).isFalse();

    server.lease.set(well);
    server.disk.set(new DiskState(Optional.of(Duration.ofSeconds(3)), OptionalLong.empty()));
    assertThat(server.open("/readyz").status()).isEqualTo(503);
    assertThat(reason(server, "disk")).contains("the database's disk is full");
    assertThat(server.get("/api/v1/status").json().at("/disk/ok").asBoolean()).isFalse();

    server.disk.set(new DiskState(Optional.of(Duration.ofHours(1)), OptionalLong.empty()));
    assertThat(server.open("/readyz").status()).isEqualTo(200);
  }

  private static void assertWarning(TestServer server, String check, String reason) {
    JsonNode found = server.open("/readyz").json().at("/checks/" + check);
    assertThat(found.get("ok").asBoolean()).as(check).isTrue();
    assertThat(found.path("warning").asBoolean()).as(check).isTrue();
    assertThat(found.get("reason").asText()).contains(reason);
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
