package io.clawterm.storage;

import java.security.SecureRandom;
import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.util.function.Supplier;
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
    byte[] stored =
        getOrCreate(
            database,
            name,
            () -> {
              byte[] value = new byte[bytes];
              new SecureRandom().nextBytes(value);
              return value;
            });
    if (stored.length != bytes) {
      throw new StorageException(
          "The secret " + name + " has " + stored.length + " bytes instead of " + bytes);
    }
    return stored;
  }

  /**
   * The secret of that name; what {@code made} gives if there is none yet. All callers get the
   * same, however many ask at once.
   *
   * @throws StorageException when the database fails
   */
  public static byte[] getOrCreate(DataSource database, String name, Supplier<byte[]> made) {
    byte[] stored = read(database, name);
    if (stored.length == 0) {
      create(database, name, made.get()); // which may take long: no connection waits for it
      stored = read(database, name);
    }
    return stored;
  }

  private static byte[] read(DataSource database, String name) {
    try (Connection connection = database.getConnection();
        PreparedStatement query = connection.prepareStatement(READ)) {
      query.setString(1, name);
      try (ResultSet row = query.executeQuery()) {
        return row.next() ? row.getBytes(1) : new byte[0];
      }
    } catch (SQLException e) {
      throw new StorageException("Can't read the secret " + name + ": " + e.getMessage(), e);
    }
  }

  private static void create(DataSource database, String name, byte[] value) {
    try (Connection connection = database.getConnection();
        PreparedStatement insert = connection.prepareStatement(CREATE)) {
      insert.setString(1, name);
      insert.setBytes(2, value);
      insert.executeUpdate();
    } catch (SQLException e) {
      throw new StorageException("Can't store the secret " + name + ": " + e.getMessage(), e);
    }
  }
}
