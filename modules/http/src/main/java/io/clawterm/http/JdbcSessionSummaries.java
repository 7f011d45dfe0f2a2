package io.clawterm.http;

import io.clawterm.api.Principal;
import io.clawterm.api.SessionId;
import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.time.Duration;
import java.time.Instant;
import java.time.OffsetDateTime;
import java.time.ZoneOffset;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import javax.sql.DataSource;

/** The sessions as the table {@code clawterm.session_summary} has them. */
public final class JdbcSessionSummaries implements SessionSummaries {

  private static final String COLUMNS =
      """
      SELECT session_id, tenant, owner, session_key, target, state, created_at, touched_at,
        expiry_seconds, run_open, devices, ended_reason
      FROM clawterm.session_summary
      """;

  private static final String PAGE =
      COLUMNS
          + """
          WHERE tenant = ? AND owner = ?
            AND (CAST(? AS TEXT) IS NULL OR state = ?)
            AND (CAST(? AS TIMESTAMPTZ) IS NULL OR (created_at, session_id) < (?, ?))
          ORDER BY created_at DESC, session_id DESC
          LIMIT ?
          """;

  private static final String ONE =
      COLUMNS
          + """
          WHERE session_id = ? AND tenant = ? AND owner = ?
          """;

  /** There is an index of these alone. */
  private static final String RUNNING =
      COLUMNS
          + """
          WHERE run_open AND state = 'open' AND tenant = ? AND owner = ?
          ORDER BY touched_at DESC, session_id LIMIT ?
          """;

  private static final String COUNTS =
      """
      SELECT count(*) FILTER (WHERE state = 'open'),
        count(*) FILTER (WHERE state = 'open' AND run_open),
        count(*) FILTER (WHERE state = 'ended'),
        count(*) FILTER (WHERE state = 'open' AND NOT run_open AND devices <> '{}'),
        count(*) FILTER (WHERE state = 'open' AND NOT run_open AND devices = '{}')
      FROM clawterm.session_summary WHERE tenant = ? AND owner = ?
      """;

  private static final String OPEN_RUNS =
      """
      SELECT session_id FROM clawterm.session_summary
      WHERE run_open AND state = 'open' AND session_id > ?
      ORDER BY session_id LIMIT ?
      """;

  private static final String DUE =
      """
      SELECT session_id FROM clawterm.session_summary
      WHERE state = 'open' AND NOT run_open AND expires_at <= ? AND session_id > ?
      ORDER BY session_id LIMIT ?
      """;

  private final DataSource database;

  /** Reads from this database, which {@code Migrations} has prepared. */
  public JdbcSessionSummaries(DataSource database) {
    this.database = database;
  }

  @Override
  public Page ofOwner(
      Principal owner, Optional<SessionSummary.State> state, Optional<Cursor> after, int limit) {
    // One more than asked for tells whether there is a next page.
    List<SessionSummary> found =
        query(
            PAGE,
            statement -> {
              String stateName = state.map(JdbcSessionSummaries::name).orElse(null);
              OffsetDateTime createdAt = after.map(c -> timestamp(c.createdAt())).orElse(null);
              statement.setString(1, owner.tenant());
              statement.setString(2, owner.name());
              statement.setString(3, stateName);
              statement.setString(4, stateName);
              statement.setObject(5, createdAt);
              statement.setObject(6, createdAt);
              statement.setString(7, after.map(c -> c.id().toString()).orElse(null));
              statement.setInt(8, limit + 1);
            },
            JdbcSessionSummaries::summary);
    if (found.size() <= limit) {
      return new Page(found, Optional.empty());
    }
    List<SessionSummary> page = found.subList(0, limit);
    SessionSummary last = page.getLast();
    return new Page(page, Optional.of(new Cursor(last.createdAt(), last.id())));
  }

  @Override
  public Optional<SessionSummary> find(Principal owner, SessionId id) {
    return query(
            ONE,
            statement -> {
              statement.setString(1, id.toString());
              statement.setString(2, owner.tenant());
              statement.setString(3, owner.name());
            },
            JdbcSessionSummaries::summary)
        .stream()
        .findFirst();
  }

  @Override
  public List<SessionSummary> running(Principal owner, int limit) {
    return query(
        RUNNING,
        statement -> {
          statement.setString(1, owner.tenant());
          statement.setString(2, owner.name());
          statement.setInt(3, limit);
        },
        JdbcSessionSummaries::summary);
  }

  @Override
  public Counts countsOf(Principal owner) {
    return query(
            COUNTS,
            statement -> {
              statement.setString(1, owner.tenant());
              statement.setString(2, owner.name());
            },
            row ->
                new Counts(
                    row.getLong(1), row.getLong(2), row.getLong(3), row.getLong(4), row.getLong(5)))
        .getFirst();
  }

  @Override
  public List<SessionId> openRuns(Optional<SessionId> after, int limit) {
    return query(
        OPEN_RUNS,
        statement -> {
          statement.setString(1, after.map(SessionId::toString).orElse(""));
          statement.setInt(2, limit);
        },
        row -> SessionId.of(row.getString(1)));
  }

  @Override
  public List<SessionId> dueToExpire(Instant now, Optional<SessionId> after, int limit) {
    return query(
        DUE,
        statement -> {
          statement.setObject(1, timestamp(now));
          statement.setString(2, after.map(SessionId::toString).orElse(""));
          statement.setInt(3, limit);
        },
        row -> SessionId.of(row.getString(1)));
  }

  /** A state as the table has it. */
  static String name(SessionSummary.State state) {
    return state.name().toLowerCase(Locale.ROOT);
  }

  static OffsetDateTime timestamp(Instant instant) {
    return instant.atOffset(ZoneOffset.UTC);
  }

  private <T> List<T> query(String sql, Parameters parameters, Row<T> read) {
    try (Connection connection = database.getConnection();
        PreparedStatement statement = connection.prepareStatement(sql)) {
      parameters.bind(statement);
      try (ResultSet rows = statement.executeQuery()) {
        List<T> found = new ArrayList<>();
        while (rows.next()) {
          found.add(read.of(rows));
        }
        return found;
      }
    } catch (SQLException e) {
      throw new SummariesUnavailableException(e);
    }
  }

  private static SessionSummary summary(ResultSet row) throws SQLException {
    return new SessionSummary(
        SessionId.of(row.getString("session_id")),
        new Principal(row.getString("tenant"), row.getString("owner")),
        Optional.ofNullable(row.getString("session_key")),
        row.getString("target"),
        SessionSummary.State.valueOf(row.getString("state").toUpperCase(Locale.ROOT)),
        instant(row, "created_at"),
        instant(row, "touched_at"),
        Duration.ofSeconds(row.getLong("expiry_seconds")),
        row.getBoolean("run_open"),
        List.of((String[]) row.getArray("devices").getArray()),
        Optional.ofNullable(row.getString("ended_reason")));
  }

  private static Instant instant(ResultSet row, String column) throws SQLException {
    return row.getObject(column, OffsetDateTime.class).toInstant();
  }

  @FunctionalInterface
  private interface Parameters {
    void bind(PreparedStatement statement) throws SQLException;
  }

  @FunctionalInterface
  private interface Row<T> {
    T of(ResultSet row) throws SQLException;
  }
}
