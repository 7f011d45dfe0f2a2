package io.clawterm.http;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import java.net.http.HttpRequest;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class SettingsApiTest {

  private static final String DEVICES = "/api/v1/settings/clawterm.session.max-devices";
  private static final String SWEEP = "/api/v1/settings/clawterm.http.sweep-interval";

  @TempDir static Path folder;

  private static TestServer server;

  @BeforeAll
  static void start() {
    server = TestServer.alone(folder);
  }

  @AfterAll
  static void stop() {
    server.close();
  }

  private static HttpRequest.Builder request(String method, String path, String body) {
    return HttpRequest.newBuilder(server.uri(path))
        .header("Authorization", "Bearer " + TestServer.LOCAL_TOKEN)
        .method(method, HttpRequest.BodyPublishers.ofString(body));
  }

  private static TestServer.Answer send(String method, String path, String body) {
    return server.send(request(method, path, body));
  }

  @Test
  void aSettingIsChangedShownGivenUpAndRemembered() {
    var changed = send("PUT", DEVICES + "?by=ada@desk&reason=too%20many", "{\"value\": 12}");

    assertThat(changed.status()).as(changed.body()).isEqualTo(200);
    assertThat(changed.json().path("changed").asBoolean()).isTrue();
    assertThat(changed.json().path("behind")).isEmpty();
    assertThat(changed.json().path("nodes")).hasSize(1);
    JsonNode shown = server.get(DEVICES).json();
    assertThat(shown.path("value").asText()).isEqualTo("12");
    assertThat(shown.path("source").asText()).isEqualTo("cluster");
    assertThat(shown.path("changedBy").asText()).isEqualTo("default/local");
    assertThat(shown.path("saidBy").asText()).isEqualTo("ada@desk");
    assertThat(shown.path("reason").asText()).isEqualTo("too many");
    assertThat(server.get(DEVICES).header("ETag"))
        .isEqualTo("\"" + shown.path("version").asLong() + "\"");

    var same = send("PUT", DEVICES, "{\"value\": \"12\"}");
    assertThat(same.json().path("changed").asBoolean()).isFalse();
    assertThat(send("DELETE", DEVICES, "").json().path("changed").asBoolean()).isTrue();

    JsonNode back = server.get(DEVICES).json();
    assertThat(back.path("value").asText()).isEqualTo("64");
    assertThat(back.path("source").asText()).isEqualTo("default");
    assertThat(back.has("changedBy")).isFalse();
    JsonNode history =
        server.get("/api/v1/settings/history?limit=2&key=clawterm.session.max-devices").json();
    assertThat(history.path("changes")).hasSize(2);
    assertThat(history.at("/changes/0/before").asText()).isEqualTo("12");
    assertThat(history.at("/changes/0").has("after")).isFalse();
    assertThat(history.at("/changes/1/after").asText()).isEqualTo("12");
  }

  @Test
  void whatMakesNoSenseIsRefusedWithWhatWould() {
    var low = send("PUT", DEVICES, "{\"value\": 0}");
    assertThat(low.status()).isEqualTo(400);
    assertThat(low.problem()).isEqualTo("invalid-parameter");
    assertThat(low.body()).contains("max-devices must be above 0");

    assertThat(send("PUT", DEVICES, "{\"value\": \"lots\"}").body())
        .contains("has type STRING rather than NUMBER");
    assertThat(send("PUT", DEVICES, "lots").problem()).isEqualTo("bad-request");
    assertThat(send("PUT", DEVICES, "{\"value\": null}").problem()).isEqualTo("bad-request");
    assertThat(send("PUT", DEVICES, "{\"value\": \"" + "x".repeat(70_000) + "\"}").problem())
        .isEqualTo("body-too-large");
    assertThat(send("PUT", DEVICES + "?reason=two%0Alines", "{\"value\": 9}").body())
        .contains("one line");

    var wrong = send("PUT", "/api/v1/settings/clawterm.session.max-device", "{\"value\": 9}");
    assertThat(wrong.status()).isEqualTo(404);
    assertThat(wrong.body()).contains("did you mean clawterm.session.max-devices?");
    var port = send("PUT", "/api/v1/settings/clawterm.http.port", "{\"value\": 9}");
    assertThat(port.status()).isEqualTo(409);
    assertThat(port.problem()).isEqualTo("needs-restart");
    assertThat(server.get("/api/v1/settings/akka.loglevel").status()).isEqualTo(404);
    assertThat(server.get("/api/v1/settings/history?limit=0").problem())
        .isEqualTo("invalid-parameter");
  }

  @Test
  void whoHasNotSeenTheNewestChangeIsRefused() {
    long seen = server.get(SWEEP).json().path("version").asLong();
    var first =
        server.send(request("PUT", SWEEP, "{\"value\": \"40s\"}").header("If-Match", tag(seen)));
    assertThat(first.status()).isEqualTo(200);

    var second =
        server.send(request("PUT", SWEEP, "{\"value\": \"50s\"}").header("If-Match", tag(seen)));

    assertThat(second.status()).isEqualTo(412);
    assertThat(second.problem()).isEqualTo("changed-meanwhile");
    assertThat(second.body()).contains("set it to 40s");
    assertThat(server.get(SWEEP).json().path("value").asText()).isEqualTo("40s");
    assertThat(server.send(request("DELETE", SWEEP, "").header("If-Match", tag(seen))).status())
        .isEqualTo(412);
    assertThat(
            server
                .send(request("DELETE", SWEEP, "").header("If-Match", first.header("ETag")))
                .status())
        .isEqualTo(200);
    assertThat(server.send(request("DELETE", SWEEP, "").header("If-Match", "x")).problem())
        .isEqualTo("invalid-parameter");
  }

  private static String tag(long version) {
    return "\"" + version + "\"";
  }

  @Test
  void settingsAreTheOwnersAlone() {
    for (String[] each :
        List.of(
            new String[] {"GET", "/api/v1/settings"},
            new String[] {"GET", "/api/v1/settings/history"},
            new String[] {"GET", DEVICES},
            new String[] {"PUT", DEVICES},
            new String[] {"DELETE", DEVICES},
            new String[] {"POST", "/api/v1/settings/reload"})) {
      var anybody = server.send(server.request(each[0], each[1]));
      assertThat(anybody.status()).as(each[0] + each[1]).isEqualTo(401);
      var other =
          server.send(
              HttpRequest.newBuilder(server.uri(each[1]))
                  .header("Authorization", "Bearer " + TestServer.MAY_TOKEN)
                  .method(each[0], HttpRequest.BodyPublishers.ofString("{\"value\": 1}")));
      assertThat(other.status()).as(each[0] + each[1]).isEqualTo(403);
      assertThat(other.problem()).isEqualTo("forbidden");
    }
  }

  @Test
  void theListHasWhatIsLiveOrAllAndShowsNoSecret() {
    List<String> live = new ArrayList<>();
    server.get("/api/v1/settings").json().path("settings").forEach(each -> live.add(key(each)));
    assertThat(live)
        .containsExactly("clawterm.http.sweep-interval", "clawterm.session.max-devices");

    JsonNode all = server.get("/api/v1/settings?all=true").json();
    assertThat(all.path("settings"))
        .hasSizeGreaterThan(15)
        .filteredOn(each -> key(each).equals("clawterm.http.host"))
        .singleElement()
        .satisfies(host -> assertThat(host.path("value").asText()).isEqualTo("***"));
    assertThat(send("POST", "/api/v1/settings/reload", "").json().path("applied")).isEmpty();
  }

  private static String key(JsonNode setting) {
    return setting.path("key").asText();
  }

  /** Somebody who is there and does not follow: it is waited for, and then named. */
  @Test
  void aNodeThatDoesNotFollowIsNamed() {
    server.database.update(
        "INSERT INTO clawterm.cluster_node (cluster, version, address, joined_at)"
            + " VALUES ('test', '0', '10.0.0.9:1', now())");
    try {
      var changed = send("PUT", SWEEP, "{\"value\": \"44s\"}");

      assertThat(changed.status()).isEqualTo(200);
      assertThat(changed.json().path("changed").asBoolean()).isTrue();
      assertThat(changed.json().path("behind"))
          .singleElement()
          .satisfies(behind -> assertThat(behind.path("address").asText()).isEqualTo("10.0.0.9:1"));
    } finally {
      server.database.update("DELETE FROM clawterm.cluster_node WHERE address = '10.0.0.9:1'");
    }
  }
}
