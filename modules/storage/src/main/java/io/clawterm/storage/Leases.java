package io.clawterm.storage;

import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.time.Duration;
import java.util.OptionalLong;
import javax.sql.DataSource;

/** Rights that one owner at a time holds, for a time that the database's clock measures. */
public final class Leases {

  private static final String TAKE =
      """
      INSERT INTO clawterm.lease AS held (name, owner, epoch, expires_at)
      VALUES (?, ?, 1, now() + ? * INTERVAL '1 millisecond')
      ON CONFLICT (name) DO UPDATE SET
        owner = excluded.owner,
        epoch = held.epoch + CASE WHEN held.owner = excluded.owner THEN 0 ELSE 1 END,
        expires_at = excluded.expires_at
      WHERE held.owner = excluded.owner OR held.expires_at < now()
      RETURNING epoch
      """;

  private static final String GIVE_UP =
      """
      UPDATE clawterm.lease SET expires_at = '-infinity' WHERE name = ? AND owner = ?
      """;

  private final DataSource database;

  public Leases(DataSource database) {
    this.database = database;
  }

  /**
   * Takes a lease or goes on holding it.
   *
   * @return its epoch, which grows with each change of owner; empty where another one holds it
   * @throws StorageException when the database does not answer
   */
  public OptionalLong take(String name, String owner, Duration length) {
    try (Connection connection = database.getConnection();
        PreparedStatement take = connection.prepareStatement(TAKE)) {
      take.setString(1, name);
      take.setString(2, owner);
      take.setLong(3, length.toMillis());
      try (ResultSet row = take.executeQuery()) {
        return row.next() ? OptionalLong.of(row.getLong(1)) : OptionalLong.empty();
      }
    } catch (SQLException e) {
      throw new StorageException("Can't take the lease " + name + ": " + e.getMessage(), e);
    }
  }

  /**
   * Gives a lease up, where this owner holds it.
   *
   * @throws StorageException when the database does not answer
   */
  public void giveUp(String name, String owner) {
    try (Connection connection = database.getConnection();
        PreparedStatement update = connection.prepareStatement(GIVE_UP)) {
      update.setString(1, name);
      update.setString(2, owner);
      update.executeUpdate();
    } catch (SQLException e) {
      throw new StorageException("Can't give up the lease " + name + ": " + e.getMessage(), e);
    }
  }
}
