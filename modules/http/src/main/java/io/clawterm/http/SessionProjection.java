package io.clawterm.http;

import akka.Done;
import akka.actor.typed.ActorSystem;
import akka.actor.typed.DispatcherSelector;
import akka.cluster.sharding.typed.ShardedDaemonProcessSettings;
import akka.cluster.sharding.typed.javadsl.ShardedDaemonProcess;
import akka.persistence.jdbc.query.javadsl.JdbcReadJournal;
import akka.persistence.query.Offset;
import akka.persistence.typed.PersistenceId;
import akka.projection.ProjectionBehavior;
import akka.projection.ProjectionId;
import akka.projection.eventsourced.EventEnvelope;
import akka.projection.eventsourced.javadsl.EventSourcedProvider;
import akka.projection.javadsl.GroupedProjection;
import akka.projection.javadsl.ProjectionManagement;
import akka.projection.jdbc.javadsl.JdbcHandler;
import akka.projection.jdbc.javadsl.JdbcProjection;
import akka.serialization.SerializationExtension;
import io.clawterm.api.SessionId;
import io.clawterm.session.SessionEntity;
import io.clawterm.session.SessionEvent;
import io.clawterm.storage.UnreadableEvent;
import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.SQLException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import javax.sql.DataSource;

/**
 * Writes the summaries of sessions from the journal: some commits at a time, rows and offset in one
 * transaction, so that each commit counts once, and each row guarded by its position, so that a
 * second writer does no harm. An event that this build can't read is left out, and its session's
 * line is made anew once it can be read ({@link LeftOutEvents}). {@code projection.conf} on the
 * class path has the settings that go with it.
 */
public final class SessionProjection {

  static final String NAME = "session-summary";
  private static final ProjectionId ID = ProjectionId.of(NAME, "all");

  /** So many commits are written at a time, or those that come within this time. */
  private static final int GROUP = 200;

  private static final Duration GATHER = Duration.ofMillis(50);
  private static final Duration MIN_BACK_OFF = Duration.ofSeconds(1);
  private static final Duration MAX_BACK_OFF = Duration.ofSeconds(30);
  private static final double JITTER = 0.2;

  /** Retention may have taken a session's beginning; what can't be made again is kept. */
  private static final String FORGET =
      """
      DELETE FROM clawterm.session_summary WHERE EXISTS (
        SELECT 1 FROM clawterm.event_journal
        WHERE persistence_id = ? || session_id AND sequence_number = 1)
      """;

  private SessionProjection() {}

  /**
   * Starts it: one instance in the whole cluster, on whichever node; it moves when that one goes
   * and ends with the actor system.
   */
  public static void start(ActorSystem<?> system, DataSource database) {
    ShardedDaemonProcess.get(system)
        .init(
            ProjectionBehavior.Command.class,
            NAME,
            1,
            number -> ProjectionBehavior.create(projection(system, database)),
            ShardedDaemonProcessSettings.create(system),
            Optional.of(ProjectionBehavior.stopMessage()));
  }

  /**
   * Makes the running projection begin again from the start of the journal. Lists are incomplete
   * until it has caught up.
   */
  public static CompletionStage<Done> rebuild(ActorSystem<?> system, DataSource database) {
    return CompletableFuture.supplyAsync(
            () -> forget(database), system.dispatchers().lookup(DispatcherSelector.blocking()))
        .thenCompose(done -> ProjectionManagement.get(system).clearOffset(ID));
  }

  private static GroupedProjection<Offset, EventEnvelope<Object>> projection(
      ActorSystem<?> system, DataSource database) {
    return JdbcProjection.groupedWithin(
            ID,
            EventSourcedProvider.eventsByTag(
                system, JdbcReadJournal.Identifier(), SessionEntity.LIFE_TAG),
            () -> ProjectionSession.open(database),
            () -> new Writer(new LeftOutEvents(SerializationExtension.get(system))),
            system)
        .withGroup(GROUP, GATHER)
        .withRestartBackoff(MIN_BACK_OFF, MAX_BACK_OFF, JITTER);
  }

  private static Done forget(DataSource database) {
    try (Connection connection = database.getConnection();
        PreparedStatement statement = connection.prepareStatement(FORGET)) {
      statement.setString(1, PersistenceId.of(SessionEntity.TYPE.name(), "").id());
      statement.executeUpdate();
      return Done.getInstance();
    } catch (SQLException e) {
      throw new SummariesUnavailableException(e);
    }
  }

  /** Writes some commits. */
  private static final class Writer
      extends JdbcHandler<List<EventEnvelope<Object>>, ProjectionSession> {
    private final LeftOutEvents leftOut;

    Writer(LeftOutEvents leftOut) {
      this.leftOut = leftOut;
    }

    @Override
    public void process(ProjectionSession session, List<EventEnvelope<Object>> envelopes)
        throws Exception {
      session.withConnection(connection -> {
        write(connection, envelopes);
        return Done.getInstance();
      });
    }

    private void write(Connection connection, List<EventEnvelope<Object>> envelopes)
        throws SQLException {
      var changes = new ArrayList<SummaryChange>();
      var seen = new HashMap<String, Long>();
      for (EventEnvelope<Object> envelope : envelopes) {
        String persistenceId = envelope.persistenceId();
        seen.put(persistenceId, envelope.sequenceNr());
        switch (envelope.event()) {
          case UnreadableEvent event ->
              leftOut.note(connection, persistenceId, envelope.sequenceNr(), event);
          case SessionEvent event -> {
            SessionId id = SessionId.of(PersistenceId.extractEntityId(persistenceId));
            changes.add(SummaryChange.of(id, envelope.sequenceNr(), event));
          }
          default ->
              throw new IllegalStateException(
                  "no event of a session has the tag and is a " + envelope.event().getClass());
        }
      }
      SummaryChange.writeAll(connection, changes);
      leftOut.mend(connection, seen);
    }
  }
}
