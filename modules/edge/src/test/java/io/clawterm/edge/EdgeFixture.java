package io.clawterm.edge;

import akka.actor.testkit.typed.javadsl.ActorTestKit;
import com.typesafe.config.Config;
import com.typesafe.config.ConfigFactory;
import io.clawterm.api.Principal;
import io.clawterm.telemetry.Tracing;
import io.micrometer.core.instrument.simple.SimpleMeterRegistry;
import java.net.InetAddress;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.TimeUnit;

/** An edge over fake sessions, with a plain TCP listener. */
final class EdgeFixture implements AutoCloseable {

  static final Principal ALICE = new Principal("default", "alice");
  static final Principal BOB = new Principal("default", "bob");

  static final TokenAuthenticator TOKENS =
      new TokenAuthenticator(
          Map.of(
              TokenAuthenticator.hash(TestClient.TOKEN), ALICE,
              TokenAuthenticator.hash(TestClient.OTHER_TOKEN), BOB),
          Set.of(),
          false);

  final ActorTestKit kit;
  final FakeSessions sessions;
  final EdgeSettings settings;
  final SimpleMeterRegistry meters = new SimpleMeterRegistry();
  final Edge edge;
  final TcpEdge tcp;

  /** Settings, as in {@code reference.conf}, with these in front. */
  EdgeFixture(String overrides) throws Exception {
    this(overrides, TOKENS);
  }

  EdgeFixture(String overrides, Authenticator authenticator) throws Exception {
    this(overrides, authenticator, Tracing.OFF);
  }

  EdgeFixture(String overrides, Authenticator authenticator, Tracing tracing) throws Exception {
    settings = settings(overrides);
    kit =
        ActorTestKit.create(
            ConfigFactory.parseString("akka.loglevel = WARNING")
                .withFallback(ConfigFactory.load()));
    sessions = new FakeSessions(kit);
    edge = new Edge(sessions, authenticator, () -> settings, meters, tracing);
    tcp =
        TcpEdge.bind(kit.system(), edge, "127.0.0.1", 0)
            .toCompletableFuture()
            .get(10, TimeUnit.SECONDS);
  }

  static EdgeSettings settings(String overrides) {
    Config block = ConfigFactory.load().getConfig("clawterm.edge");
    return EdgeSettings.from(ConfigFactory.parseString(overrides).withFallback(block));
  }

  TestClient client() throws Exception {
    return TestClient.connect(tcp.address());
  }

  TestClient clientFrom(String address) throws Exception {
    return TestClient.connect(InetAddress.getByName(address), tcp.address());
  }

  double count(String name) {
    return meters.get("clawterm.edge." + name).counter().count();
  }

  @Override
  public void close() {
    kit.shutdownTestKit();
  }
}
