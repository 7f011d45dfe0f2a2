package io.clawterm.node;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.zaxxer.hikari.HikariDataSource;
import io.clawterm.cluster.ClusterSettings;
import io.clawterm.cluster.Formation;
import io.clawterm.cluster.FormationException;
import io.clawterm.config.InvalidConfigurationException;
import io.clawterm.config.NodeConfiguration;
import io.clawterm.http.HealthSettings;
import io.clawterm.storage.ClusterNode;
import io.clawterm.storage.ClusterNodes;
import io.clawterm.storage.DatabaseMeasurement;
import io.clawterm.storage.DatabaseSettings;
import io.clawterm.storage.Databases;
import io.clawterm.storage.DiskState;
import io.clawterm.storage.Migrations;
import io.clawterm.storage.StorageException;
import java.io.IOException;
import java.io.PrintWriter;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.nio.file.FileStore;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermission;
import java.time.Clock;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.Callable;
import javax.sql.DataSource;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/** {@code clawterm doctor}: what could keep a server from running well here, and what to do. */
@Command(
    name = "doctor",
    description = "Check this machine, the data folder and the server; exits with 1 on a failure.",
    mixinStandardHelpOptions = true)
final class DoctorCommand implements Callable<Integer> {

  /** Below it a database of its own cannot do anything for long. */
  private static final long NO_DISK_BYTES = 100L << 20;

  /** As the alert has it; beyond the setting max-clock-skew it is a failure. */
  private static final Duration NOTABLE_SKEW = Duration.ofSeconds(5);

  /** Of a moment; the first one after a start takes longer than any later one. */
  private static final double LONG_COMMIT_SECONDS = 1;

  /** A measured commit that takes longer than this is a failure. */
  private static final Duration DATABASE_PATIENCE = Duration.ofSeconds(10);

  private static final String TOO_SLOW =
      "; everything waits for it: look at its disk, its CPU and the network between";

  enum Grade {
    OK,
    WARN,
    FAIL
  }

  private record Finding(Grade grade, String what, String detail) {}

  @Spec private CommandSpec spec;
  @Mixin private DataOption data;

  @Option(
      names = "--config",
      paramLabel = "FILE",
      description = "The settings to check, as for `up`, where no server runs.")
  private @Nullable Path config;

  @Option(
      names = "--database",
      paramLabel = "URL",
      description = "The database to check, as for `up`, where no server runs.")
  private @Nullable String database;

  @Option(names = "--json", description = "As a JSON array.")
  private boolean json;

  private final List<Finding> findings = new ArrayList<>();

  @Override
  public Integer call() throws Exception {
    Logs.onTerminal();
    Path folder = data.folder();
    java();
    folder(folder);
    Optional<NodeConfiguration> configuration = configuration(folder);
    Optional<NodeFile> running = NodeFile.read(folder);
    if (running.isPresent()) {
      server(running.get(), folder);
    } else {
      add(Grade.WARN, "server", "none runs on this folder; start one with: clawterm up");
      configuration.ifPresent(settings -> beforeAStart(NodeBlocks.read(settings)));
    }
    model();
    print(spec.commandLine().getOut());
    return findings.stream().anyMatch(finding -> finding.grade() == Grade.FAIL) ? 1 : 0;
  }

  private void java() {
    int version = Runtime.version().feature();
    add(
        version >= 25 ? Grade.OK : Grade.WARN,
        "java",
        version >= 25
            ? System.getProperty("java.version")
            : version + " works; 25 starts faster and needs less memory");
  }

  private void folder(Path folder) throws IOException {
    if (!Files.exists(folder)) {
      add(Grade.OK, "data folder", folder + " will be made at the first start");
      return;
    }
    if (!Files.isWritable(folder)) {
      add(Grade.FAIL, "data folder", "no permission to write to " + folder);
      return;
    }
    add(Grade.OK, "data folder", folder.toString());
    Set<PosixFilePermission> permissions = Files.getPosixFilePermissions(folder);
    if (permissions.contains(PosixFilePermission.OTHERS_READ)
        || permissions.contains(PosixFilePermission.GROUP_READ)) {
      add(
          Grade.WARN,
          "permissions",
          "others may read " + folder + "; mend it with: chmod 700 " + folder);
    }
    FileStore store = Files.getFileStore(folder);
    long free = store.getUsableSpace();
    String detail = String.format(Locale.ROOT, "%.1f GB free", free / 1e9);
    add(
        disk(free),
        "disk",
        free < DiskState.LOW_BYTES ? detail + "; input is refused when it is full" : detail);
  }

  static Grade disk(long freeBytes) {
    return freeBytes < NO_DISK_BYTES
        ? Grade.FAIL
        : freeBytes < DiskState.LOW_BYTES ? Grade.WARN : Grade.OK;
  }

  private Optional<NodeConfiguration> configuration(Path folder) {
    Path usual = folder.resolve("config.conf");
    Optional<Path> file =
        Optional.ofNullable(config).or(() -> Optional.of(usual).filter(Files::exists));
    Map<String, Object> overrides = new HashMap<>();
    overrides.put("clawterm.node.data", folder.toString());
    if (database != null) {
      overrides.put("clawterm.node.database", database);
    }
    try {
      NodeConfiguration configuration = NodeConfiguration.load(overrides, file, Node.PROFILE);
      TransportRule.encrypted(configuration, NodeBlocks.read(configuration));
      add(Grade.OK, "configuration", file.map(Path::toString).orElse("the defaults"));
      return Optional.of(configuration);
    } catch (InvalidConfigurationException e) {
      e.problems().forEach(problem -> add(Grade.FAIL, "configuration", problem.toString()));
    } catch (StartException e) {
      add(Grade.FAIL, "configuration", String.valueOf(e.getMessage()));
    }
    return Optional.empty();
  }

  private void beforeAStart(NodeBlocks settings) {
    ports(settings.node());
    healthPort(settings.http().health());
    database(settings.node(), settings.cluster());
  }

  private void ports(NodeSettings settings) {
    port("tcp port", settings.bind(), settings.tcpPort(), "--port");
    port("http port", settings.bind(), settings.httpPort(), "--http");
    port("management port", settings.managementBind(), settings.managementPort(), "--management");
  }

  private void healthPort(HealthSettings settings) {
    port("health port", settings.bind(), settings.port(), "clawterm.http.health-port");
  }

  private void port(String what, String host, int port, String option) {
    if (port <= 0) {
      return;
    }
    try (var socket = new ServerSocket(port, 1, InetAddress.getByName(host))) {
      add(Grade.OK, what, socket.getLocalPort() + " is free");
    } catch (IOException e) {
      boolean mine = !String.valueOf(e.getMessage()).startsWith("Cannot assign");
      add(
          Grade.FAIL,
          what,
          mine
              ? port + " is in use; choose another one with " + option
              : host + " is no address of this machine");
    }
  }

  /** The one that the settings name; the embedded one has its place in the data folder. */
  private void database(NodeSettings settings, ClusterSettings cluster) {
    if (settings.database().isEmpty()) {
      return;
    }
    DatabaseSettings defaults = DatabaseSettings.defaults();
    var once =
        new DatabaseSettings(
            2, defaults.connectTimeout(), DATABASE_PATIENCE, settings.allowUnsafeDatabase());
    try (HikariDataSource pool = Databases.open(settings.database().get(), once)) {
      int applied = Migrations.applied(pool);
      DatabaseMeasurement measured = DatabaseMeasurement.of(pool, Clock.systemUTC());
      add(
          measured.isSlow() ? Grade.WARN : Grade.OK,
          "database",
          "answers in "
              + millis(measured.roundTrip())
              + ", commits in "
              + millis(measured.commit())
              + (measured.isSlow() ? TOO_SLOW : ""));
      schema(applied, Migrations.known(), settings.allowNewerSchema() ? Grade.WARN : Grade.FAIL);
      clusterOf(pool, cluster.name());
      clock(
          measured.clockSkew(), measured.clockSkew().abs().compareTo(cluster.maxClockSkew()) <= 0);
    } catch (StorageException e) {
      add(Grade.FAIL, "database", String.valueOf(e.getMessage()));
    }
  }

  private static String millis(Duration span) {
    return String.format(Locale.ROOT, "%.1f ms", span.toNanos() / 1e6);
  }

  private void clusterOf(DataSource database, String name) {
    try {
      Formation.requireName(database, name);
      long nodes =
          new ClusterNodes(database).writers().stream().filter(ClusterNode::connected).count();
      add(
          Grade.OK,
          "cluster",
          nodes == 0
              ? "no node runs on this database; one that starts here begins " + name
              : (nodes == 1 ? "one node" : nodes + " nodes") + " of " + name + " to join");
    } catch (FormationException e) {
      add(Grade.FAIL, "cluster", String.valueOf(e.getMessage()));
    }
  }

  private void schema(int applied, int known, Grade ifNewer) {
    if (applied > known) {
      add(
          ifNewer,
          "schema",
          "of a later release: it has script "
              + applied
              + ", this one knows those up to "
              + known
              + "; start that release or a later one");
    } else if (applied == 0) {
      add(Grade.OK, "schema", "none yet; the start makes it");
    } else if (applied < known) {
      add(
          Grade.OK,
          "schema",
          "of an earlier release: script "
              + applied
              + " of "
              + known
              + "; the start adds the rest, and nodes of that release go on");
    } else {
      add(Grade.OK, "schema", "as this release needs it, script " + applied);
    }
  }

  private void server(NodeFile node, Path folder) throws Exception {
    add(Grade.OK, "server", "process " + node.pid() + ", version " + node.version());
    if (node.http().isEmpty()) {
      add(
          Grade.WARN,
          "database",
          "not checked: the server runs without an HTTP port, by which it is asked");
      return;
    }
    try (ApiClient api = ApiClient.ofData(folder)) {
      JsonNode status = api.get("/api/v1/status");
      boolean database = status.path("database").path("ok").asBoolean(false);
      boolean slow = status.at("/database/warning").asBoolean(false);
      add(
          database ? slow ? Grade.WARN : Grade.OK : Grade.FAIL,
          "database",
          database
              ? answered(status) + (slow ? TOO_SLOW : "")
              : status.path("database").path("reason").asText()
                  + "; input is refused until it does");
      databaseDisk(status.path("disk"));
      if (status.has("schema")) {
        JsonNode schema = status.path("schema");
        schema(schema.path("applied").asInt(), schema.path("known").asInt(), Grade.WARN);
      }
      members(status);
      lease(status.path("lease"));
      clock(
          Duration.ofMillis(status.at("/lease/clockSkewMillis").asLong()),
          status.at("/lease/clockRight").asBoolean());
      commits(status.path("node").asText(), api.get("/api/v1/cluster"));
    } catch (NoServerException | CommandFailedException e) {
      add(Grade.FAIL, "server", String.valueOf(e.getMessage()));
    }
  }

  /** A server of the release before does not say how long it took. */
  private static String answered(JsonNode status) {
    return status.has("databaseMillis")
        ? "answered within " + (status.path("databaseMillis").asLong() + 1) + " ms"
        : "answered";
  }

  /** What this node's own commits took; none were made where nobody has used it yet. */
  private void commits(String self, JsonNode cluster) {
    for (JsonNode node : cluster.path("nodes")) {
      JsonNode figures = node.path("figures");
      if (self.endsWith("@" + node.path("address").asText())
          && figures.path("commits").asLong() > 0) {
        double longest = figures.path("commitSecondsMax").asDouble();
        boolean slow = longest > LONG_COMMIT_SECONDS;
        add(
            slow ? Grade.WARN : Grade.OK,
            "commits",
            String.format(
                    Locale.ROOT, "the longest of the last minutes took %.0f ms", longest * 1e3)
                + (slow ? TOO_SLOW : ""));
      }
    }
  }

  /** A server of an earlier release does not say. */
  private void databaseDisk(JsonNode disk) {
    if (disk.isMissingNode()) {
      return;
    }
    boolean full = !disk.path("ok").asBoolean();
    add(
        full ? Grade.FAIL : disk.path("warning").asBoolean(false) ? Grade.WARN : Grade.OK,
        "database disk",
        disk.path("reason").asText());
  }

  private void members(JsonNode status) {
    JsonNode members = status.path("members");
    List<String> wrong = new ArrayList<>();
    boolean selfUp = false;
    for (JsonNode member : members) {
      String address = member.path("address").asText();
      boolean up = member.path("status").asText().equals("up");
      selfUp |= up && address.equals(status.path("node").asText());
      if (!member.path("reachable").asBoolean()) {
        wrong.add(address + " can't be reached");
      } else if (!up) {
        wrong.add(address + " is " + member.path("status").asText());
      }
    }
    String number = members.size() == 1 ? "one node" : members.size() + " nodes";
    add(
        !selfUp ? Grade.FAIL : wrong.isEmpty() ? Grade.OK : Grade.WARN,
        "cluster",
        wrong.isEmpty()
            ? number + ", up"
            : number + "; " + String.join(", ", wrong) + "; clawterm cluster says more");
  }

  private void lease(JsonNode lease) {
    String age = lease.path("unconfirmedMillis").asLong() / 1_000 + " s";
    if (!lease.path("held").asBoolean()) {
      add(Grade.FAIL, "lease", "lost: another node has taken over, this one has to start again");
    } else if (lease.path("inDanger").asBoolean()) {
      add(
          Grade.FAIL,
          "lease",
          "the database has not confirmed for " + age + " that this node may write");
    } else {
      add(
          Grade.OK,
          "lease",
          "node " + lease.path("number").asInt() + " may write, confirmed " + age + " ago");
    }
  }

  private void clock(Duration skew, boolean right) {
    boolean notable = skew.abs().compareTo(NOTABLE_SKEW) > 0;
    add(
        !right ? Grade.FAIL : notable ? Grade.WARN : Grade.OK,
        "clock",
        ClusterView.skew(skew)
            + " the database's"
            + (right && !notable ? "" : "; set the clock of this machine, or of the database's"));
  }

  private void model() {
    Map<String, String> environment = System.getenv();
    boolean key =
        environment.containsKey("ANTHROPIC_API_KEY")
            || environment.containsKey("OPENAI_API_KEY")
            || environment.containsKey("OPENAI_BASE_URL")
            || environment.containsKey("CLAWTERM_MODEL");
    add(
        key ? Grade.OK : Grade.WARN,
        "model",
        key
            ? "named by the environment of this shell (the server uses its own)"
            : "no key in the environment of this shell; agent:main then needs a local Ollama");
  }

  private void add(Grade grade, String what, String detail) {
    findings.add(new Finding(grade, what, detail));
  }

  private void print(PrintWriter out) {
    if (json) {
      ArrayNode array = new ObjectMapper().createArrayNode();
      findings.forEach(finding ->
          array
              .addObject()
              .put("grade", finding.grade().name().toLowerCase(Locale.ROOT))
              .put("what", finding.what())
              .put("detail", finding.detail()));
      out.println(array);
      return;
    }
    findings.forEach(finding ->
        out.printf(
            "%-4s  %-16s %s%n",
            finding.grade().name().toLowerCase(Locale.ROOT), finding.what(), finding.detail()));
  }
}
