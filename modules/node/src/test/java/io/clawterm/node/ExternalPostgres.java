package io.clawterm.node;

import static org.assertj.core.api.Assertions.assertThat;

import io.clawterm.storage.EmbeddedPostgres;
import io.clawterm.storage.EmbeddedPostgresSettings;
import io.clawterm.storage.JdbcTarget;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;

/**
 * A PostgreSQL server that belongs to no node: nobody starts it again unless told to, and it keeps
 * its port.
 */
final class ExternalPostgres implements AutoCloseable {

  private static final int ROOT = 0;

  private final Path data;
  private final Path log;
  private final Path control;
  private final String url;
  private boolean running;

  private ExternalPostgres(Path folder, Path control, JdbcTarget target) {
    this.data = folder.resolve("data");
    this.log = folder.resolve("log").resolve("postgres.log");
    this.control = control;
    String place = target.url().substring("jdbc:postgresql://".length());
    this.url = "postgresql://" + target.user() + ":" + target.password().value() + "@" + place;
  }

  /** Sets a server up in an empty folder, with the programs of the embedded one, and starts it. */
  static ExternalPostgres start(Path folder) throws IOException {
    EmbeddedPostgresSettings settings = EmbeddedPostgresSettings.forTests();
    Path control = settings.binariesFolder().orElseThrow().resolve("bin").resolve("pg_ctl");
    JdbcTarget target;
    try (EmbeddedPostgres first = EmbeddedPostgres.start(folder, settings)) {
      target = first.target();
    }
    var server = new ExternalPostgres(folder, control, target);
    server.start();
    return server;
  }

  /** As {@code --database} takes it. */
  String url() {
    return url;
  }

  void start() throws IOException {
    control("start", "--wait", "--log=" + log);
    running = true;
  }

  /** Ends it without a checkpoint: connections are cut, and new ones are refused from now on. */
  void stop() throws IOException {
    control("stop", "--wait", "--mode=immediate");
    running = false;
  }

  private void control(String verb, String... options) throws IOException {
    List<String> command = new ArrayList<>(asItsOwner());
    command.addAll(List.of(control.toString(), verb, "--silent", "--pgdata=" + data));
    command.addAll(List.of(options));
    Process process =
        new ProcessBuilder(command)
            .directory(data.toFile())
            .redirectErrorStream(true)
            .redirectOutput(ProcessBuilder.Redirect.DISCARD)
            .start();
    Process ended = process.onExit().orTimeout(60, TimeUnit.SECONDS).join();
    assertThat(ended.exitValue()).as(verb).isZero();
  }

  /** PostgreSQL does not run as root: as nobody, or in a name space where root is somebody else. */
  private List<String> asItsOwner() throws IOException {
    if (!System.getProperty("user.name").equals("root")) {
      return List.of();
    }
    int owner = (int) Files.getAttribute(data, "unix:uid");
    String id = String.valueOf(owner);
    return owner == ROOT
        ? List.of("unshare", "-U", "--")
        : List.of("setpriv", "--reuid", id, "--regid", id, "--clear-groups", "--");
  }

  @Override
  public void close() throws IOException {
    if (running) {
      stop();
    }
  }
}
