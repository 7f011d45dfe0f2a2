package io.clawterm.http;

import io.clawterm.api.Principal;
import io.clawterm.api.SessionId;
import io.clawterm.session.SessionEvent;
import io.clawterm.session.Sessions;
import io.clawterm.session.TargetMemo;
import java.sql.Array;
import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.SQLException;
import java.sql.Types;
import java.time.Instant;
import java.time.OffsetDateTime;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalLong;

/**
 * What one commit of a session changes in its summary.
 *
 * @param position the commit's number in the session's journal
 * @param devices the devices that came (true) or went (false)
 */
record SummaryChange(
    SessionId id,
    long position,
    OffsetDateTime at,
    Optional<Creation> created,
    OptionalLong expirySeconds,
    Optional<Boolean> runOpen,
    Map<String, Boolean> devices,
    Optional<String> endedReason) {

  private static final String INSERT =
      """
      INSERT INTO clawterm.session_summary (session_id, position, tenant, owner, session_key, target,
        state, created_at, touched_at, expiry_seconds, expires_at, run_open, devices)
      VALUES (?, 0, ?, ?, ?, ?, 'open', ?, ?, ?, ?, FALSE, '{}')
      ON CONFLICT (session_id) DO NOTHING
      """;

  /** The guard is the position: a commit that the row has seen changes nothing. */
  private static final String UPDATE =
      """
      UPDATE clawterm.session_summary SET
        position = ?,
        touched_at = ?,
        expiry_seconds = coalesce(?, expiry_seconds),
        expires_at = CAST(? AS TIMESTAMPTZ) + coalesce(?, expiry_seconds) * INTERVAL '1 second',
        run_open = coalesce(?, run_open),
        devices = ARRAY(
          SELECT unnest(devices) EXCEPT SELECT unnest(CAST(? AS TEXT[]))
          UNION SELECT unnest(CAST(? AS TEXT[])) ORDER BY 1)
      WHERE session_id = ? AND position < ?
      """;

  private static final String END =
      """
      UPDATE clawterm.session_summary
      SET state = 'ended', ended_reason = ?, run_open = FALSE, devices = '{}'
      WHERE session_id = ? AND state = 'open'
      """;

  /** A session that came to be here, opened or imported. */
  record Creation(
      Principal owner,
      Optional<String> key,
      String target,
      Instant createdAt,
      long expirySeconds) {}

  SummaryChange {
    devices = Map.copyOf(devices);
  }

  /** What a commit says, the later changes over the earlier ones. */
  static SummaryChange of(SessionId id, long position, SessionEvent event) {
    Optional<Creation> created = Optional.empty();
    OptionalLong expirySeconds = OptionalLong.empty();
    Optional<Boolean> memoOpen = Optional.empty(); // of commits older than the field work
    Optional<String> endedReason = Optional.empty();
    Map<String, Boolean> devices = new LinkedHashMap<>();
    for (SessionEvent.Change change : event.changes()) {
      switch (change) {
        case SessionEvent.Created c ->
            created =
                Optional.of(
                    new Creation(c.owner(), c.key(), c.target(), event.at(), c.expirySeconds()));
        case SessionEvent.Imported i ->
            created =
                Optional.of(
                    new Creation(i.owner(), i.key(), i.target(), i.createdAt(), i.expirySeconds()));
        case SessionEvent.ImportBegun begun -> {} // no session yet
        case SessionEvent.InputImported input -> {}
        case SessionEvent.DeviceAttached attached -> devices.put(attached.device(), true);
        case SessionEvent.DeviceDetached detached -> {
          devices.put(detached.device(), false);
          expirySeconds =
              detached.expirySeconds().isPresent() ? detached.expirySeconds() : expirySeconds;
        }
        case SessionEvent.Closed closed -> endedReason = Optional.of(closed.reason());
        case SessionEvent.Emitted emitted -> {
          if (emitted.memo().isPresent()) {
            memoOpen = emitted.memo().map(TargetMemo::open);
          }
        }
        case SessionEvent.InputReceived input -> {} // what it changes is work
        case SessionEvent.TokenConfirmed confirmed -> {}
        case SessionEvent.Trimmed trimmed -> {}
      }
    }
    return new SummaryChange(
        id,
        position,
        JdbcSessionSummaries.timestamp(event.at()),
        created,
        expirySeconds,
        event.work().isPresent() ? event.work() : memoOpen,
        devices,
        endedReason);
  }

  /**
   * Brings the rows up to date, in the transaction of the caller and in three round trips. A row is
   * made before it is changed, and ended after it, so that only commits of one session need to be
   * in their order.
   */
  static void writeAll(Connection connection, List<SummaryChange> changes) throws SQLException {
    try (PreparedStatement insert = connection.prepareStatement(INSERT);
        PreparedStatement update = connection.prepareStatement(UPDATE);
        PreparedStatement end = connection.prepareStatement(END)) {
      for (SummaryChange change : changes) {
        if (change.created().isPresent()) {
          change.insert(insert, change.created().get());
        }
        change.update(update);
        if (change.endedReason().isPresent()) {
          change.end(end, change.endedReason().get());
        }
      }
      insert.executeBatch();
      update.executeBatch();
      end.executeBatch();
    }
  }

  private void insert(PreparedStatement statement, Creation c) throws SQLException {
    statement.setString(1, id.toString());
    statement.setString(2, c.owner().tenant());
    statement.setString(3, c.owner().name());
    // The name of a nonce is nothing that a client could use.
    statement.setString(4, c.key().filter(Sessions::isUsableKey).orElse(null));
    statement.setString(5, c.target());
    statement.setObject(6, JdbcSessionSummaries.timestamp(c.createdAt()));
    statement.setObject(7, at);
    statement.setLong(8, c.expirySeconds());
    statement.setObject(9, at.plusSeconds(c.expirySeconds()));
    statement.addBatch();
  }

  private void update(PreparedStatement statement) throws SQLException {
    Long expiry = expirySeconds.isPresent() ? (Long) expirySeconds.getAsLong() : null;
    statement.setLong(1, position);
    statement.setObject(2, at);
    statement.setObject(3, expiry, Types.BIGINT);
    statement.setObject(4, at);
    statement.setObject(5, expiry, Types.BIGINT);
    statement.setObject(6, runOpen.orElse(null), Types.BOOLEAN);
    statement.setArray(7, names(statement.getConnection(), false));
    statement.setArray(8, names(statement.getConnection(), true));
    statement.setString(9, id.toString());
    statement.setLong(10, position);
    statement.addBatch();
  }

  private void end(PreparedStatement statement, String reason) throws SQLException {
    statement.setString(1, reason);
    statement.setString(2, id.toString());
    statement.addBatch();
  }

  private Array names(Connection connection, boolean attached) throws SQLException {
    Object[] names =
        devices.entrySet().stream()
            .filter(device -> device.getValue() == attached)
            .map(Map.Entry::getKey)
            .toArray();
    return connection.createArrayOf("text", names);
  }
}
