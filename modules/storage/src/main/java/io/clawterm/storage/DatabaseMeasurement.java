package io.clawterm.storage;

import java.sql.Connection;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.time.Duration;
import java.time.Instant;
import java.time.InstantSource;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import javax.sql.DataSource;

/**
 * How quick a database is, and what its clock says, as seen from here.
 *
 * @param roundTrip from a simple question to its answer, as a rule
 * @param commit of the smallest transaction, as a rule
 * @param clockSkew by how much this machine's clock is ahead of the database's; negative: behind
 */
public record DatabaseMeasurement(Duration roundTrip, Duration commit, Duration clockSkew) {

  /** The middle one counts: the first is slower than all that follow. */
  private static final int TIMES = 5;

  private static final String ASK =
      """
      SELECT clock_timestamp()
      """;

  /** A line in the write-ahead log that means nothing to anybody, and none in any table. */
  private static final String COMMIT =
      """
      SELECT pg_logical_emit_message(true, 'clawterm', '')
      """;

  /**
   * Each commit takes at least a round trip and a write to the disk; half a second for all of it is
   * too much, as the alert ClawTermCommitSlow has it.
   */
  private static final Duration SLOW_COMMIT = Duration.ofMillis(500);

  static final Duration SLOW_ROUND_TRIP = SLOW_COMMIT.dividedBy(2);

  /**
   * Measures, which takes some round trips and commits.
   *
   * @throws StorageException when the database does not answer, or takes no writes
   */
  public static DatabaseMeasurement of(DataSource database, InstantSource clock) {
    try (Connection connection = database.getConnection();
        Statement statement = connection.createStatement()) {
      Duration roundTrip = usual(statement, ASK);
      Duration skew = skew(statement, clock);
      return new DatabaseMeasurement(roundTrip, usual(statement, COMMIT), skew);
    } catch (SQLException e) {
      throw new StorageException("The database does not do as asked: " + e.getMessage(), e);
    }
  }

  private static Duration usual(Statement statement, String sql) throws SQLException {
    List<Duration> times = new ArrayList<>();
    for (int i = 0; i < TIMES; i++) {
      long start = System.nanoTime();
      statement.executeQuery(sql).close();
      times.add(Duration.ofNanos(System.nanoTime() - start));
    }
    Collections.sort(times);
    return times.get(TIMES / 2);
  }

  private static Duration skew(Statement statement, InstantSource clock) throws SQLException {
    Instant before = clock.instant();
    try (ResultSet row = statement.executeQuery(ASK)) {
      row.next();
      Instant theirs = row.getTimestamp(1).toInstant();
      Duration way = Duration.between(before, clock.instant()).dividedBy(2);
      return Duration.between(theirs, before.plus(way));
    }
  }

  /** Whether people would notice. */
  public boolean isSlow() {
    return roundTrip.compareTo(SLOW_ROUND_TRIP) > 0 || commit.compareTo(SLOW_COMMIT) > 0;
  }
}
