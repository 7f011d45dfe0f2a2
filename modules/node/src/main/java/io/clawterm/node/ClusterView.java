package io.clawterm.node;

import com.fasterxml.jackson.databind.JsonNode;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;

/** The cluster as lines of text, from what {@code /api/v1/cluster} gives. */
final class ClusterView {

  /** What marks a line that says what is wrong. */
  static final String PROBLEM = "! ";

  private static final String UNKNOWN = "-";

  /** All who may be one; then the list says less than a word. */
  private static final Set<String> ALL_ROLES = Set.of("edge", "session", "agent", "worker");

  /** The database confirms twice a second. */
  private static final Duration SILENT = Duration.ofSeconds(2);

  /** A list of sessions that is so far behind misleads. */
  private static final Duration STALE = Duration.ofSeconds(10);

  private ClusterView() {}

  /** Numbers of sessions; a dash where the database has not answered. */
  static String sessions(JsonNode counts) {
    return counts.isMissingNode()
        ? UNKNOWN
        : "%d open (%d running, %d attached, %d suspended), %d ended"
            .formatted(
                counts.path("open").asLong(),
                counts.path("running").asLong(),
                counts.path("attached").asLong(),
                counts.path("suspended").asLong(),
                counts.path("ended").asLong());
  }

  /** What {@code clawterm cluster} shows. */
  static List<String> whole(JsonNode cluster) {
    List<String> lines = new ArrayList<>();
    lines.add(
        "cluster     " + members(cluster) + ", as " + cluster.path("node").asText() + " sees it");
    lines.add("database    " + cluster.path("database").path("reason").asText());
    lines.add("sessions    " + sessions(cluster.path("sessions")));
    lines.add("list        " + lag(cluster.path("projection")));
    lines.add("");
    var table =
        new TextTable(
            ">NODE",
            "ADDRESS",
            "STATUS",
            "ROLES",
            "VERSION",
            "SINCE",
            "LEASE",
            ">SHARDS",
            ">SESSIONS",
            ">DEVICES",
            ">COMMIT",
            ">LONGEST");
    Instant now = Instant.parse(cluster.path("at").asText());
    for (JsonNode node : cluster.path("nodes")) {
      JsonNode figures = node.path("figures");
      table.add(
          text(node.path("number")),
          address(node),
          status(node),
          roles(node.path("roles")),
          text(node.path("version")),
          since(node.path("startedAt"), now),
          lease(node),
          text(figures.path("shards")),
          text(figures.path("sessions")),
          text(figures.path("devices")),
          meanCommit(figures),
          longestCommit(figures));
    }
    lines.addAll(table.lines());
    List<String> problems = problems(cluster);
    if (!problems.isEmpty()) {
      lines.add("");
      lines.addAll(problems);
    }
    return lines;
  }

  /**
   * What {@code clawterm top} shows.
   *
   * @param rates of each node, by its number
   */
  static List<String> live(JsonNode cluster, Map<Integer, ClusterRates> rates) {
    Instant now = Instant.parse(cluster.path("at").asText());
    List<String> lines = new ArrayList<>();
    lines.add(members(cluster) + "; the list of sessions is " + lag(cluster.path("projection")));
    lines.add("sessions: " + sessions(cluster.path("sessions")));
    lines.add("");
    var table =
        new TextTable(
            ">NODE",
            "ADDRESS",
            "STATUS",
            ">DEVICES",
            ">SESSIONS",
            ">INPUTS/S",
            ">ENTRIES/S",
            ">COMMIT",
            ">LONGEST",
            ">HEAP",
            ">CPU",
            "DATABASE",
            "FENCE");
    for (JsonNode node : cluster.path("nodes")) {
      JsonNode figures = node.path("figures");
      ClusterRates rate = rates.getOrDefault(node.path("number").asInt(), ClusterRates.NONE);
      table.add(
          text(node.path("number")),
          address(node),
          status(node),
          text(figures.path("devices")),
          text(figures.path("sessions")),
          rate.inputs().isPresent() ? number(rate.inputs().getAsDouble()) : UNKNOWN,
          rate.entries().isPresent() ? number(rate.entries().getAsDouble()) : UNKNOWN,
          rate.commitSeconds().isPresent() ? millis(rate.commitSeconds().getAsDouble()) : UNKNOWN,
          longestCommit(figures),
          heap(figures),
          cpu(figures.path("cpu")),
          database(figures.path("lease")),
          fence(figures.path("lease")));
    }
    lines.addAll(table.lines());
    lines.addAll(problems(cluster));
    if (!cluster.path("runs").isEmpty()) {
      lines.add("");
      var runs = new TextTable("RUNNING", "TARGET", ">FOR", "KEY");
      for (JsonNode run : cluster.path("runs")) {
        runs.add(
            run.path("id").asText(),
            run.path("target").asText(),
            since(run.path("touchedAt"), now),
            run.path("key").asText(UNKNOWN));
      }
      lines.addAll(runs.lines());
    }
    return lines;
  }

  private static String members(JsonNode cluster) {
    int all = cluster.path("nodes").size();
    int up = 0;
    for (JsonNode node : cluster.path("nodes")) {
      up += status(node).equals("up") ? 1 : 0;
    }
    return all + (all == 1 ? " node, " : " nodes, ") + up + " up";
  }

  private static String status(JsonNode node) {
    String status =
        node.path("status").asText() + (node.path("draining").asBoolean() ? ", draining" : "");
    return node.path("status").asText().equals("absent") || node.path("reachable").asBoolean()
        ? status
        : status + ", unreachable";
  }

  /** A life that has only begun has none yet. */
  private static String address(JsonNode node) {
    String address = node.path("address").asText();
    return address.isEmpty() ? UNKNOWN : address;
  }

  private static String roles(JsonNode roles) {
    Set<String> names = new TreeSet<>();
    roles.forEach(role -> names.add(role.asText()));
    return names.isEmpty() ? UNKNOWN : names.equals(ALL_ROLES) ? "all" : String.join(",", names);
  }

  private static String since(JsonNode moment, Instant now) {
    return moment.isMissingNode()
        ? UNKNOWN
        : Spans.text(Duration.between(Instant.parse(moment.asText()), now));
  }

  /**
   * What the node knows of its lease; where it says nothing, what the database knows of its lock.
   */
  private static String lease(JsonNode node) {
    JsonNode lease = node.at("/figures/lease");
    if (lease.isMissingNode()) {
      return node.path("connected").isMissingNode()
          ? UNKNOWN
          : node.path("connected").asBoolean() ? "lock held" : "no lock";
    }
    return lease.path("held").asBoolean()
        ? String.format(
            Locale.ROOT, "%.1f s ago", lease.path("unconfirmedMillis").asLong() / 1_000.0)
        : "lost";
  }

  private static String lag(JsonNode lag) {
    if (lag.isMissingNode()) {
      return UNKNOWN;
    }
    int commits = lag.path("commits").asInt();
    if (commits == 0) {
      return "up to date with the journal";
    }
    return (lag.path("more").asBoolean() ? "at least " : "")
        + commits
        + (commits == 1 ? " commit" : " commits")
        + " behind the journal, by "
        + String.format(Locale.ROOT, "%.1f s", lag.path("oldestMillis").asLong() / 1_000.0);
  }

  private static String meanCommit(JsonNode figures) {
    long commits = figures.path("commits").asLong();
    return commits == 0 ? UNKNOWN : millis(figures.path("commitSeconds").asDouble() / commits);
  }

  private static String longestCommit(JsonNode figures) {
    return figures.path("commits").asLong() == 0
        ? UNKNOWN
        : millis(figures.path("commitSecondsMax").asDouble());
  }

  private static String millis(double seconds) {
    return number(seconds * 1_000) + " ms";
  }

  private static String number(double value) {
    return String.format(Locale.ROOT, value < 10 ? "%.1f" : "%.0f", value);
  }

  private static String heap(JsonNode figures) {
    long max = figures.path("heapMaxBytes").asLong();
    return figures.isMissingNode()
        ? UNKNOWN
        : (figures.path("heapUsedBytes").asLong() >> 20) + "/" + (max >> 20) + " MB";
  }

  private static String cpu(JsonNode share) {
    return share.isMissingNode() ? UNKNOWN : Math.round(share.asDouble() * 100) + "%";
  }

  private static String database(JsonNode lease) {
    if (lease.isMissingNode()) {
      return UNKNOWN;
    }
    long silent = lease.path("unconfirmedMillis").asLong();
    return silent < SILENT.toMillis() ? "answers" : "silent " + silent / 1_000 + " s";
  }

  private static String fence(JsonNode lease) {
    return lease.isMissingNode()
        ? UNKNOWN
        : !lease.path("held").asBoolean()
            ? "fenced"
            : lease.path("inDanger").asBoolean() ? "in danger" : "may write";
  }

  private static String text(JsonNode value) {
    return value.isMissingNode() ? UNKNOWN : value.asText();
  }

  /** All that is not as it should be, a line each. */
  static List<String> problems(JsonNode cluster) {
    List<String> found = new ArrayList<>();
    Map<String, Integer> versions = new HashMap<>();
    if (!cluster.path("database").path("ok").asBoolean()) {
      found.add(cluster.path("database").path("reason").asText());
    }
    for (JsonNode node : cluster.path("nodes")) {
      String name = "node " + text(node.path("number")) + " at " + address(node) + " ";
      problemsOf(node).forEach(problem -> found.add(name + problem));
      if (node.hasNonNull("version")) {
        versions.merge(node.path("version").asText(), 1, Integer::sum);
      }
    }
    if (versions.size() > 1) {
      found.add(
          "not all nodes are of one version: "
              + String.join(", ", new TreeSet<>(versions.keySet())));
    }
    JsonNode lag = cluster.path("projection");
    if (lag.path("oldestMillis").asLong() > STALE.toMillis()) {
      found.add("the list of sessions is " + lag(lag));
    }
    return found.stream().map(PROBLEM::concat).toList();
  }

  private static List<String> problemsOf(JsonNode node) {
    List<String> found = new ArrayList<>();
    String status = node.path("status").asText();
    JsonNode figures = node.path("figures");
    JsonNode lease = figures.path("lease");
    if (status.equals("absent")) {
      found.add("may write and is no member: it starts, or has gone and nobody has taken over yet");
      return found;
    }
    if (!status.equals("up")) {
      found.add("is " + status);
    }
    if (!node.path("reachable").asBoolean()) {
      found.add("can't be reached");
    }
    if (figures.isMissingNode()) {
      found.add("has not said within 1 s how it is");
    }
    if (node.has("connected") && !node.path("connected").asBoolean()) {
      found.add("does not hold its lock with the database");
    }
    if (figures.path("draining").asBoolean() && !node.path("draining").asBoolean()) {
      found.add("is about to stop");
    }
    if (lease.has("held") && !lease.path("held").asBoolean()) {
      found.add("may write nothing any more: another one has taken over");
    } else if (lease.path("inDanger").asBoolean()) {
      found.add(
          "has not heard for "
              + lease.path("unconfirmedMillis").asLong() / 1_000
              + " s from the database that it may write");
    }
    if (lease.has("clockRight") && !lease.path("clockRight").asBoolean()) {
      Duration skew = Duration.ofMillis(lease.path("clockSkewMillis").asLong());
      found.add("has a clock that is " + skew(skew) + " the database's");
    }
    return found;
  }

  /** By how much a clock is wrong and in which direction: {@code 300 s behind}. */
  static String skew(Duration skew) {
    return String.format(Locale.ROOT, "%.1f s ", skew.abs().toMillis() / 1_000.0)
        + (skew.isNegative() ? "behind" : "ahead of");
  }
}
