package io.clawterm.node;

import static org.assertj.core.api.Assertions.assertThat;

import io.clawterm.storage.EmbeddedPostgres;
import io.clawterm.storage.EmbeddedPostgresSettings;
import io.clawterm.storage.JdbcTarget;
import java.net.URLEncoder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What a node does not start with, and what it says then. */
class RefusedStartTest {

  @TempDir Path home;

  private Cli.Result upWith(String configuration) throws Exception {
    Path file = Files.writeString(home.resolve("my.conf"), configuration);
    return Cli.in(home).run("up", "--port", "0", "--http", "0", "--config", file.toString());
  }

  private void assertNothingStarted() {
    assertThat(home.resolve("data")).doesNotExist();
  }

  @Test
  void aCorruptFileIsRefusedWithFileAndLine() throws Exception {
    Cli.Result up = upWith("clawterm.node {\n  bind = \"127.0.0.1\"\n  tls = [on\n}\n");

    assertThat(up.code()).isEqualTo(2);
    assertThat(up.err()).contains("my.conf: 4").doesNotContain("should not happen");
    assertNothingStarted();
  }

  @Test
  void anUnknownKeyIsRefusedWithTheOneThatIsMeant() throws Exception {
    Cli.Result up = upWith("\nclawterm.node.bnd = \"127.0.0.1\"\n");

    assertThat(up.code()).isEqualTo(2);
    assertThat(up.err())
        .contains("my.conf: 2")
        .contains("clawterm.node.bnd")
        .contains("did you mean clawterm.node.bind?");
    assertNothingStarted();
  }

  @Test
  void aValueOfTheWrongKindIsRefusedWithWhatIsExpected() throws Exception {
    Cli.Result up = upWith("clawterm.node {\n  management-port = nine\n}\n");

    assertThat(up.code()).isEqualTo(2);
    assertThat(up.err()).contains("my.conf: 2").contains("management-port").contains("NUMBER");
    assertNothingStarted();
  }

  @Test
  void allProblemsAreToldAtOnce() throws Exception {
    Cli.Result up =
        upWith(
            "clawterm.node.tls = maybe\nclawterm.edge.keepalive-interval = -1s\nclawterm.x = 1\n");

    assertThat(up.code()).isEqualTo(2);
    assertThat(up.err())
        .contains("my.conf: 1")
        .contains("on, off or auto")
        .contains("my.conf: 2")
        .contains("keepalive-interval")
        .contains("my.conf: 3")
        .contains("clawterm.x");
    assertNothingStarted();
  }

  @Test
  void aMissingFileIsNamed() throws Exception {
    Cli.Result up = Cli.in(home).run("up", "--config", "/nowhere/my.conf");

    assertThat(up.code()).isEqualTo(2);
    assertThat(up.err()).contains("/nowhere/my.conf");
    assertNothingStarted();
  }

  @Test
  void anOptionThatIsNoneIsWrongUse() throws Exception {
    Cli.Result up = Cli.in(home).run("up", "--prot", "1");

    assertThat(up.code()).isEqualTo(2);
    assertThat(up.err()).contains("--port");
  }

  @Test
  void anOpenAddressWithoutTlsIsRefused() throws Exception {
    Cli.Result up =
        Cli.in(home).run("up", "--bind", "0.0.0.0", "--tls", "off", "--port", "0", "--http", "0");

    assertThat(up.code()).isEqualTo(1);
    assertThat(up.err()).contains("0.0.0.0 without TLS").contains("--tls on");
    assertNothingStarted();
  }

  @Test
  void managementThatTheWorldCouldReachIsRefused() throws Exception {
    Cli cli = Cli.in(home);
    Files.createDirectories(cli.data());
    Files.writeString(
        cli.data().resolve("config.conf"), "clawterm.node.management-bind = \"0.0.0.0\"\n");

    Cli.Result up = cli.run("up", "--port", "0", "--http", "0");

    assertThat(up.code()).isEqualTo(1);
    assertThat(up.err()).contains("Akka Management").contains("management-bind to 127.0.0.1");
  }

  @Test
  void anUnusableDatabaseUrlIsRefusedWithoutBeingShown() throws Exception {
    Cli.Result up = Cli.in(home).run("up", "--database", "mysql://me:topsecret@db/x");

    assertThat(up.code()).isEqualTo(2);
    assertThat(up.err()).contains("postgresql://user:password@host").doesNotContain("topsecret");
  }

  @Test
  void anExternalDatabaseIsUsedAndAWrongPasswordIsNotShown() throws Exception {
    try (EmbeddedPostgres postgres =
        EmbeddedPostgres.start(home.resolve("pg"), EmbeddedPostgresSettings.forTests())) {
      JdbcTarget target = postgres.target();
      String place = target.url().replace("jdbc:postgresql:", "");
      Cli cli = Cli.in(home);

      Cli.Result wrong =
          cli.run(
              "up",
              "--port",
              "0",
              "--http",
              "0",
              "--database",
              "postgresql:" + place.replace("//", "//" + target.user() + ":topsecret@"));
      assertThat(wrong.code()).isEqualTo(1);
      assertThat(wrong.err())
          .containsIgnoringCase("password")
          .doesNotContain("topsecret")
          .doesNotContain("should not happen");
      assertThat(Files.readString(cli.data().resolve("logs/clawterm.log")))
          .doesNotContain("topsecret");

      String password = URLEncoder.encode(target.password().value(), StandardCharsets.UTF_8);
      String url = "postgresql:" + place.replace("//", "//" + target.user() + ":" + password + "@");
      try (RunningNode node = RunningNode.up(cli, "--database", url)) {
        assertThat(cli.run("send", "--target", "agent:demo", "count to 2").succeeded().out())
            .endsWith("1 2\n");
        assertThat(cli.data().resolve("postgres")).doesNotExist();
        assertThat(node.said() + node.complained()).doesNotContain(target.password().value());
        assertThat(Files.readString(cli.data().resolve("logs/clawterm.log")))
            .doesNotContain(target.password().value());
      }
    }
  }

  @Test
  void anOrdinaryUserRunsANodeWhereItMayAndIsToldWhereItMayNot() throws Exception {
    try (OrdinaryUser user = OrdinaryUser.get()) {
      Cli cli = user.cli();
      Path closed = user.closedFolder();

      Cli.Result refused = cli.run("up", "--data", closed.resolve("data").toString());
      assertThat(refused.code()).isEqualTo(1);
      assertThat(refused.err())
          .contains("no permission to write")
          .contains(closed.toString())
          .contains("--data")
          .doesNotContain("should not happen");

      try (RunningNode node = RunningNode.upAsItIs(cli)) {
        assertThat(cli.run("send", "--target", "agent:demo", "count to 2").succeeded().out())
            .endsWith("1 2\n");
        assertThat(Files.getAttribute(cli.data(), "unix:uid")).isEqualTo(user.id());
        assertThat(node.databasePid()).isPresent();
      }
    }
  }
}
