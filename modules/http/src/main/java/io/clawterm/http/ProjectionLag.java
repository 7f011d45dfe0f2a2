package io.clawterm.http;

import io.clawterm.session.SessionEntity;
import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.time.Duration;
import javax.sql.DataSource;

/**
 * How far the list of sessions is behind the journal.
 *
 * @param commits that the list does not show yet; {@link #MOST} means so many or more
 * @param oldest how long ago the oldest of them was written; zero where there is none
 */
record ProjectionLag(int commits, Duration oldest) {

  /** Nobody counts further: what matters then is that there are many. */
  static final int MOST = 10_000;

  private static final String BEHIND =
      """
      SELECT count(*), greatest(0,
        coalesce(extract(epoch FROM clock_timestamp()) * 1000 - min(write_timestamp), 0))::bigint
      FROM (
        SELECT write_timestamp FROM clawterm.event_tag JOIN clawterm.event_journal
          ON ordering = event_id
        WHERE tag = ? AND event_id > coalesce((
          SELECT max(current_offset::bigint) FROM clawterm.akka_projection_offset_store
          WHERE projection_name = ?), 0)
        ORDER BY event_id LIMIT ?) AS behind
      """;

  /** Asks the database, which reads no more rows than it counts. */
  static ProjectionLag of(DataSource database) {
    try (Connection connection = database.getConnection();
        PreparedStatement query = connection.prepareStatement(BEHIND)) {
      query.setString(1, SessionEntity.LIFE_TAG);
      query.setString(2, SessionProjection.NAME);
      query.setInt(3, MOST);
      try (ResultSet row = query.executeQuery()) {
        row.next();
        return new ProjectionLag(row.getInt(1), Duration.ofMillis(row.getLong(2)));
      }
    } catch (SQLException e) {
      throw new SummariesUnavailableException(e);
    }
  }
}
