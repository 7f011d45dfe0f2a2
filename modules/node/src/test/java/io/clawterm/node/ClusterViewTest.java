package io.clawterm.node;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

/** What {@code clawterm cluster} and {@code clawterm top} make of what a server says. */
class ClusterViewTest {

  private static final ObjectMapper JSON = new ObjectMapper();

  private static final String CLUSTER =
      """
      {"node":"10.0.0.1:25520","at":"2026-11-21T12:00:10Z","nodes":[
        {"address":"10.0.0.1:25520","number":5,"status":"up","reachable":true,
         "roles":["agent","edge","session","worker"],"version":"1.0","connected":true,
         "startedAt":"2026-11-21T11:00:00Z","figures":{"at":"2026-11-21T12:00:10Z",
           "draining":false,"connections":4,"devices":3,"inputs":100,"entries":1000,"commits":50,
           "commitSeconds":0.1,"commitSecondsMax":0.0125,"shards":40,"sessions":7,
           "heapUsedBytes":104857600,"heapMaxBytes":1073741824,"cpu":0.25,
           "lease":{"number":5,"held":true,"unconfirmedMillis":300,"inDanger":false,
             "clockSkewMillis":-2,"clockRight":true}}},
        {"address":"10.0.0.2:25520","number":6,"status":"up","reachable":true,
         "roles":["edge"],"version":"1.0","connected":true,"startedAt":"2026-11-21T11:59:00Z"}],
       "database":{"ok":true,"reason":"the database answers"},
       "sessions":{"open":9,"running":2,"ended":4,"attached":3,"suspended":4},
       "projection":{"commits":0,"more":false,"oldestMillis":0},
       "runs":[{"id":"a1","key":"k","target":"agent:main","touchedAt":"2026-11-21T11:59:58Z"}]}
      """;

  private static JsonNode cluster() throws IOException {
    return JSON.readTree(CLUSTER);
  }

  private static ObjectNode at(JsonNode cluster, String pointer) {
    return (ObjectNode) cluster.at(pointer);
  }

  @Test
  void allFitsOnOneScreen() throws IOException {
    List<String> lines = ClusterView.whole(cluster());

    assertThat(lines)
        .contains(
            "cluster     2 nodes, 2 up, as 10.0.0.1:25520 sees it",
            "sessions    9 open (2 running, 3 attached, 4 suspended), 4 ended",
            "list        up to date with the journal");
    assertThat(lines)
        .anySatisfy(line ->
            assertThat(line.replaceAll(" +", " "))
                .isEqualTo(" 5 10.0.0.1:25520 up all 1.0 1 h 0 min 0.3 s ago 40 7 3 2.0 ms 13 ms"))
        .anySatisfy(line ->
            assertThat(line.replaceAll(" +", " "))
                .isEqualTo(" 6 10.0.0.2:25520 up edge 1.0 1 min 10 s lock held - - - - -"));
    assertThat(lines).allSatisfy(line -> assertThat(line.length()).isLessThanOrEqualTo(130));
  }

  @Test
  void whatIsWrongIsALineEach() throws IOException {
    JsonNode well = cluster();
    at(well, "").withArray("nodes").remove(1);
    assertThat(ClusterView.problems(well)).isEmpty();

    JsonNode ill = cluster();
    at(ill, "/nodes/0").put("reachable", false).put("connected", false).put("version", "1.1");
    at(ill, "/nodes/0/figures/lease")
        .put("inDanger", true)
        .put("unconfirmedMillis", 7_400)
        .put("clockRight", false)
        .put("clockSkewMillis", -300_000);
    at(ill, "/nodes/1").put("status", "leaving");
    at(ill, "/projection").put("commits", 12).put("oldestMillis", 11_000);
    at(ill, "/database").put("ok", false).put("reason", "the database does not answer in time");

    String one = "! node 5 at 10.0.0.1:25520 ";
    assertThat(ClusterView.problems(ill))
        .containsExactly(
            "! the database does not answer in time",
            one + "can't be reached",
            one + "does not hold its lock with the database",
            one + "has not heard for 7 s from the database that it may write",
            one + "has a clock that is 300.0 s behind the database's",
            "! node 6 at 10.0.0.2:25520 is leaving",
            "! node 6 at 10.0.0.2:25520 has not said within 1 s how it is",
            "! not all nodes are of one version: 1.0, 1.1",
            "! the list of sessions is 12 commits behind the journal, by 11.0 s");
    at(ill, "/nodes/0/figures/lease").put("held", false);
    assertThat(ClusterView.problems(ill))
        .contains(one + "may write nothing any more: another one has taken over");
  }

  @Test
  void ratesAreWhatHasGrownBetweenTwoLooks() throws IOException {
    JsonNode before = cluster();
    JsonNode now = cluster();
    at(now, "/nodes/0/figures")
        .put("at", "2026-11-21T12:00:12Z")
        .put("inputs", 300)
        .put("entries", 1_010)
        .put("commits", 60)
        .put("commitSeconds", 0.2);

    Map<Integer, ClusterRates> rates = ClusterRates.between(before, now);

    assertThat(rates.get(6)).as("it has said nothing").isEqualTo(ClusterRates.NONE);
    ClusterRates rate = rates.get(5);
    assertThat(rate).isNotNull();
    assertThat(ClusterView.live(now, rates))
        .anySatisfy(line ->
            assertThat(line.replaceAll(" +", " "))
                .isEqualTo(
                    " 5 10.0.0.1:25520 up 3 7 100 5.0 10 ms 13 ms 100/1024 MB 25% answers may"
                        + " write"))
        .anySatisfy(
            line -> assertThat(line.replaceAll(" +", " ")).isEqualTo("a1 agent:main 12 s k"));
    assertThat(ClusterRates.between(before, before).get(5)).isEqualTo(ClusterRates.NONE);
    at(now, "/nodes/0").put("number", 7);
    assertThat(ClusterRates.between(before, now)).as("a new life").doesNotContainKey(7);
  }

  @Test
  void whatIsNotKnownIsADash() throws IOException {
    JsonNode bare =
        JSON.readTree(
            """
            {"node":"a:1","at":"2026-11-21T12:00:10Z",
             "nodes":[{"address":"a:1","status":"joining","reachable":true,"roles":[]}],
             "database":{"ok":false,"reason":"the database has not answered for 9 s"}}
            """);

    assertThat(ClusterView.whole(bare))
        .contains("sessions    -", "list        -")
        .anySatisfy(line ->
            assertThat(line.replaceAll(" +", " ")).isEqualTo(" - a:1 joining - - - - - - - - -"));
    assertThat(ClusterView.live(bare, Map.of())).isNotEmpty();
  }
}
