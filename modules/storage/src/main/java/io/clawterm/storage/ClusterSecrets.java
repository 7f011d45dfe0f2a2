package io.clawterm.storage;

import java.security.SecureRandom;
import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import javax.sql.DataSource;

/** Random keys that all nodes on one database share, made by the first that asks. */
public final class ClusterSecrets {

  private static final String CREATE =
      """
      INSERT INTO clawterm.secret (name, value) VALUES (?, ?) ON CONFLICT DO NOTHING
      """;

  private static final String READ =
      """
      SELECT value FROM clawterm.secret WHERE name = ?
      """;

  private ClusterSecrets() {}

  /**
   * The secret of that name; {@code bytes} random ones if there is none yet. All callers get the
   * same, however many ask at once.
   *
   * @throws StorageException when the database fails, or the stored secret has another length
   */
  public static byte[] getOrCreate(DataSource database, String name, int bytes) {
    try (Connection connection = database.getConnection()) {
      byte[] stored = read(connection, name);
      if (stored.length == 0) {
        create(connection, name, bytes);
        stored = read(connection, name);
      }
      if (stored.length != bytes) {
        throw new StorageException(
            "The secret " + name + " has " + stored.length + " bytes instead of " + bytes);
      }
      return stored;
    } catch (SQLException e) {
      throw new StorageException("Can't read the secret " + name + ": " + e.getMessage(), e);
    }
  }

  private static byte[] read(Connection connection, String name) throws SQLException {
    try (PreparedStatement query = connection.prepareStatement(READ)) {
      query.setString(1, name);
      try (ResultSet row = query.executeQuery()) {
        return row.next() ? row.getBytes(1) : new byte[0];
      }
    }
  }

  private static void create(Connection connection, String name, int bytes) throws SQLException {
    byte[] value = new byte[bytes];
    new SecureRandom().nextBytes(value);
    try (PreparedStatement insert = connection.prepareStatement(CREATE)) {
      insert.setString(1, name);
      insert.setBytes(2, value);
      insert.executeUpdate();
    }
  }
}
