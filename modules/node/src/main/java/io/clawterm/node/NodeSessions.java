package io.clawterm.node;

import akka.actor.typed.ActorRef;
import akka.actor.typed.ActorSystem;
import akka.actor.typed.DispatcherSelector;
import akka.actor.typed.Props;
import akka.actor.typed.javadsl.Adapter;
import akka.persistence.jdbc.query.javadsl.JdbcReadJournal;
import akka.persistence.query.PersistenceQuery;
import io.clawterm.cluster.DrainingAllocation;
import io.clawterm.config.LiveSettings;
import io.clawterm.http.JdbcSessionSummaries;
import io.clawterm.http.MicrometerSessionMetrics;
import io.clawterm.http.SessionProjection;
import io.clawterm.http.SessionSweep;
import io.clawterm.session.BundleSigner;
import io.clawterm.session.ClusterBundles;
import io.clawterm.session.ClusterSessions;
import io.clawterm.session.JournalSessionLog;
import io.clawterm.session.ResumeTokens;
import io.clawterm.session.SessionEnvironment;
import io.clawterm.session.Targets;
import io.clawterm.storage.ClusterSecrets;
import io.clawterm.storage.JournalTrim;
import io.clawterm.storage.NodeLease;
import io.clawterm.telemetry.Tracing;
import io.micrometer.core.instrument.MeterRegistry;
import java.time.Clock;
import java.util.UUID;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Executor;
import javax.sql.DataSource;

/** The sessions of the cluster as this node reaches them, and its share of running them. */
record NodeSessions(
    ClusterSessions sessions, ClusterBundles bundles, JdbcSessionSummaries summaries) {

  /** Starts the shard regions, the projection that lists sessions, and the sweep. */
  static NodeSessions start(
      ActorSystem<?> system,
      NodeDatabase.Registered registered,
      LiveSettings<NodeBlocks> live,
      Targets targets,
      MeterRegistry registry,
      Tracing tracing,
      Closing closing) {
    DataSource database = registered.source();
    SessionEnvironment environment =
        environment(system, registered.lease(), live, targets, registry, tracing);
    byte[] tokenKey = ClusterSecrets.getOrCreate(database, "resume-tokens", 32);
    ClusterSessions sessions =
        ClusterSessions.start(
            system, environment, new ResumeTokens(tokenKey), DrainingAllocation::new);
    byte[] bundleKey = ClusterSecrets.getOrCreate(database, "bundle-key", BundleSigner.SEED_BYTES);
    var bundles =
        new ClusterBundles(
            system, environment.log(), BundleSigner.ofSeed(bundleKey), live.current().bundle());
    SessionProjection.start(system, database);
    var summaries = new JdbcSessionSummaries(database);
    ActorRef<SessionSweep.Message> sweep =
        system.systemActorOf(
            SessionSweep.create(
                summaries,
                sessions,
                Clock.systemUTC(),
                () -> live.current().http().sweepInterval()),
            "clawterm-sweep-" + UUID.randomUUID(),
            Props.empty());
    closing.add("sweep", () -> Adapter.toClassic(system).stop(Adapter.toClassic(sweep)));
    return new NodeSessions(sessions, bundles, summaries);
  }

  private static SessionEnvironment environment(
      ActorSystem<?> system,
      NodeLease lease,
      LiveSettings<NodeBlocks> live,
      Targets targets,
      MeterRegistry registry,
      Tracing tracing) {
    var journal =
        PersistenceQuery.get(system)
            .getReadJournalFor(JdbcReadJournal.class, JdbcReadJournal.Identifier());
    DataSource written = ClawTermActorSystem.journal(system).dataSource();
    Executor blocking = system.dispatchers().lookup(DispatcherSelector.blocking());
    return new SessionEnvironment(
        () -> live.current().session(),
        targets,
        new JournalSessionLog(journal),
        (id, upTo) ->
            CompletableFuture.runAsync(() -> JournalTrim.upTo(written, id, upTo), blocking),
        Clock.systemUTC(),
        new MicrometerSessionMetrics(registry),
        tracing,
        () -> lease.state().mayAct());
  }
}
