package io.clawterm.http;

import akka.actor.BootstrapSetup;
import akka.actor.setup.ActorSystemSetup;
import akka.actor.testkit.typed.javadsl.TestProbe;
import akka.actor.typed.ActorRef;
import akka.actor.typed.ActorSystem;
import akka.actor.typed.javadsl.Behaviors;
import akka.cluster.typed.Cluster;
import akka.cluster.typed.Join;
import akka.persistence.jdbc.query.javadsl.JdbcReadJournal;
import akka.persistence.query.PersistenceQuery;
import akka.stream.javadsl.Sink;
import com.typesafe.config.Config;
import com.typesafe.config.ConfigFactory;
import io.clawterm.api.Principal;
import io.clawterm.api.SessionId;
import io.clawterm.protocol.Mode;
import io.clawterm.session.Attachment;
import io.clawterm.session.BundleSettings;
import io.clawterm.session.BundleSigner;
import io.clawterm.session.Bytes;
import io.clawterm.session.ClusterBundles;
import io.clawterm.session.ClusterSessions;
import io.clawterm.session.DeviceMessage;
import io.clawterm.session.JournalSessionLog;
import io.clawterm.session.LogEntry;
import io.clawterm.session.ResumeTokens;
import io.clawterm.session.SessionBundles;
import io.clawterm.session.SessionCommand;
import io.clawterm.session.SessionEnvironment;
import io.clawterm.session.SessionLog;
import io.clawterm.session.SessionMetrics;
import io.clawterm.session.SessionSettings;
import io.clawterm.session.Sessions;
import io.clawterm.session.Targets;
import io.clawterm.storage.ClusterSecrets;
import io.clawterm.storage.DatabaseDisk;
import io.clawterm.storage.StorageSetup;
import java.time.Duration;
import java.time.InstantSource;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.UnaryOperator;
import javax.sql.DataSource;

/** A cluster of one with sessions and their projection on a real database. */
final class TestNode implements AutoCloseable {

  private static final Config CONFIG =
      ConfigFactory.parseString(
              """
              akka {
                actor.provider = cluster
                remote.artery.canonical { hostname = "127.0.0.1", port = 0 }
                cluster {
                  jmx.enabled = off
                  sharded-daemon-process.keep-alive-interval = 1s
                }
                loglevel = WARNING
                loggers = ["akka.event.slf4j.Slf4jLogger"]
                logging-filter = "akka.event.slf4j.Slf4jLoggingFilter"
                coordinated-shutdown { exit-jvm = off, run-by-jvm-shutdown-hook = off }
              }
              jdbc-read-journal {
                refresh-interval = 100ms
                journal-sequence-retrieval.query-delay = 100ms
              }
              """)
          .withFallback(ConfigFactory.parseResources("storage.conf"))
          .withFallback(ConfigFactory.parseResources("projection.conf"))
          .withFallback(ConfigFactory.load());

  static final long MAX_BUNDLE_BYTES = 1_000_000;
  static final long MAX_WAITING_BYTES = 100_000;

  private static final AtomicLong ATTACHMENTS = new AtomicLong();

  final ActorSystem<?> system;
  final Sessions sessions;
  final SessionLog log;
  final SessionBundles bundles;
  final DatabaseDisk disk;
  final CountingTarget target = new CountingTarget();

  TestNode(TestDatabase database, InstantSource clock) {
    this(database, clock, SessionMetrics.NONE);
  }

  TestNode(TestDatabase database, InstantSource clock, SessionMetrics metrics) {
    this(database.pool, clock, metrics);
  }

  TestNode(DataSource database, InstantSource clock, SessionMetrics metrics) {
    this(database, clock, metrics, UnaryOperator.identity());
  }

  /** With sessions that work with something else than those of the other tests. */
  TestNode(
      DataSource database,
      InstantSource clock,
      SessionMetrics metrics,
      UnaryOperator<SessionEnvironment> surroundings) {
    StorageSetup storage = new StorageSetup(database, 4);
    disk = storage.disk();
    system =
        ActorSystem.create(
            Behaviors.empty(),
            "http-test",
            ActorSystemSetup.create(BootstrapSetup.create(CONFIG), storage.writeAsOperator()));
    Cluster cluster = Cluster.get(system);
    cluster.manager().tell(Join.create(cluster.selfMember().address()));
    JdbcReadJournal journal =
        PersistenceQuery.get(system)
            .getReadJournalFor(JdbcReadJournal.class, JdbcReadJournal.Identifier());
    log = new JournalSessionLog(journal);
    SessionEnvironment environment =
        surroundings.apply(
            new SessionEnvironment(
                SessionSettings.from(system.settings().config().getConfig("clawterm.session")),
                (owner, name) -> new Targets.Found.Available(target),
                log,
                (id, upTo) -> CompletableFuture.failedFuture(new UnsupportedOperationException()),
                clock,
                metrics));
    sessions = ClusterSessions.start(system, environment, new ResumeTokens(new byte[32]));
    bundles =
        new ClusterBundles(
            system,
            log,
            BundleSigner.ofSeed(ClusterSecrets.getOrCreate(database, "bundle-key", 32)),
            new BundleSettings(MAX_BUNDLE_BYTES, MAX_WAITING_BYTES, 2, List.of()));
    SessionProjection.start(system, database);
  }

  /** A device that is attached to a new session. */
  final class Device {
    private final TestProbe<DeviceMessage> probe =
        TestProbe.create("device", DeviceMessage.class, system);
    private final long attachment = ATTACHMENTS.incrementAndGet();
    private final ActorRef<SessionCommand> entity;
    private long inputs;

    private Device(
        SessionId id,
        String name,
        Principal principal,
        Optional<String> key,
        Optional<Duration> expiry) {
      sessions.tell(
          id,
          new SessionCommand.Connect(
              principal,
              "agent:test",
              key,
              expiry,
              new Attachment(attachment, name, probe.ref(), Mode.SHARE, 65_536, Optional.empty())));
      entity =
          probe.expectMessageClass(DeviceMessage.Attached.class, Duration.ofSeconds(30)).entity();
    }

    void says(String word) {
      entity.tell(
          new SessionCommand.Input(
              attachment,
              ++inputs,
              List.of(new SessionCommand.InputFrame(Bytes.of(word), false, false))));
    }

    void leaves() {
      entity.tell(new SessionCommand.Detach(attachment, 0));
    }

    void suspends(Duration expiry) {
      entity.tell(new SessionCommand.Suspend(attachment, 0, Optional.of(expiry)));
    }
  }

  Device connect(SessionId id, String device) {
    return connect(id, device, Principal.LOCAL, Optional.of("key:" + id), Optional.empty());
  }

  Device connect(
      SessionId id,
      String device,
      Principal principal,
      Optional<String> key,
      Optional<Duration> expiry) {
    return new Device(id, device, principal, key, expiry);
  }

  /** All entries of a session, from the journal. */
  List<LogEntry> logOf(SessionId id) {
    return log.read(id, 1, 1)
        .runWith(Sink.seq(), system)
        .toCompletableFuture()
        .orTimeout(60, TimeUnit.SECONDS)
        .join();
  }

  @Override
  public void close() {
    system.terminate();
    system.getWhenTerminated().toCompletableFuture().orTimeout(60, TimeUnit.SECONDS).join();
  }
}
