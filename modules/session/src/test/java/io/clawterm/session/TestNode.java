package io.clawterm.session;

import akka.actor.testkit.typed.javadsl.ActorTestKit;
import akka.persistence.query.PersistenceQuery;
import akka.persistence.testkit.JournalOperation;
import akka.persistence.testkit.PersistenceTestKitPlugin;
import akka.persistence.testkit.PersistenceTestKitSnapshotPlugin;
import akka.persistence.testkit.ProcessingPolicy;
import akka.persistence.testkit.ProcessingResult;
import akka.persistence.testkit.ProcessingSuccess;
import akka.persistence.testkit.WriteEvents;
import akka.persistence.testkit.javadsl.PersistenceTestKit;
import akka.persistence.testkit.query.javadsl.PersistenceTestKitReadJournal;
import com.typesafe.config.ConfigFactory;
import java.time.Duration;
import java.util.concurrent.Semaphore;
import org.awaitility.Awaitility;

/** An actor system with a journal in memory, which serializes all that it takes. */
final class TestNode implements AutoCloseable {

  final ActorTestKit kit =
      ActorTestKit.create(
          "session-test",
          PersistenceTestKitPlugin.getInstance()
              .config()
              .withFallback(PersistenceTestKitSnapshotPlugin.config())
              .withFallback(ConfigFactory.load()));
  final PersistenceTestKit journal = PersistenceTestKit.create(kit.system());
  final SessionLog log =
      new JournalSessionLog(
          PersistenceQuery.get(kit.system())
              .getReadJournalFor(
                  PersistenceTestKitReadJournal.class, PersistenceTestKitReadJournal.Identifier()));

  /** A session that has not been heard of yet, behind it a target of this style. */
  TestSession session(Target.InputStyle style, SessionSettings settings) {
    return new TestSession(this, style, settings);
  }

  TestSession session() {
    return session(Target.InputStyle.MESSAGES, settings());
  }

  /** Small limits, so that tests reach them. */
  static SessionSettings settings() {
    return settings(1_000, Duration.ofMinutes(2));
  }

  static SessionSettings settings(int snapshotEvery, Duration passivateAfter) {
    return new SessionSettings(
        4_096,
        65_536,
        4,
        passivateAfter,
        Duration.ofDays(30),
        Duration.ofDays(60),
        131_072,
        524_288,
        Duration.ofDays(365),
        snapshotEvery);
  }

  /** Makes the journal write nothing until the gate gives a permit for it. */
  Semaphore closeGate() {
    var gate = new Semaphore(0);
    journal.withPolicy(
        new ProcessingPolicy<>() {
          @Override
          public ProcessingResult tryProcess(String id, JournalOperation operation) {
            if (operation instanceof WriteEvents) {
              gate.acquireUninterruptibly();
            }
            return ProcessingSuccess.getInstance();
          }
        });
    return gate;
  }

  /** Waits until a write stands before the closed gate. */
  void awaitWrite(Semaphore gate) {
    Awaitility.await().until(gate::hasQueuedThreads);
  }

  void openGate(Semaphore gate) {
    gate.release(1_000_000);
    journal.resetPolicy();
  }

  @Override
  public void close() {
    kit.shutdownTestKit();
  }
}
