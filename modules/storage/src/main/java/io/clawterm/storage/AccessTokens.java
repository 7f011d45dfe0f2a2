package io.clawterm.storage;

import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.util.HashSet;
import java.util.Set;
import javax.sql.DataSource;

/**
 * The hashes of the access tokens that nodes have in their data folders, so that each node knows
 * those of all. No token itself comes to the database: whoever reads it can't act as their owner.
 */
public final class AccessTokens {

  private static final String SHOW =
      """
      INSERT INTO clawterm.access_token (folder, hash) VALUES (?, ?)
      ON CONFLICT (folder) DO UPDATE SET hash = excluded.hash, seen_at = now()
      """;

  private static final String FORGET =
      """
      DELETE FROM clawterm.access_token WHERE seen_at < now() - INTERVAL '30 days'
      """;

  private static final String ALL =
      """
      SELECT hash FROM clawterm.access_token
      """;

  private final DataSource database;

  public AccessTokens(DataSource database) {
    this.database = database;
  }

  /**
   * Says which token a data folder has now; the one that it had before is void from here on.
   *
   * @param folder an id of the folder that never changes
   * @param hash the token's SHA-256 in hexadecimal
   * @return the hashes of all folders
   * @throws StorageException when the database does not answer
   */
  public Set<String> exchange(String folder, String hash) {
    try (Connection connection = database.getConnection();
        PreparedStatement show = connection.prepareStatement(SHOW);
        PreparedStatement forget = connection.prepareStatement(FORGET);
        PreparedStatement query = connection.prepareStatement(ALL)) {
      show.setString(1, folder);
      show.setString(2, hash);
      show.executeUpdate();
      forget.executeUpdate();
      Set<String> all = new HashSet<>();
      try (ResultSet row = query.executeQuery()) {
        while (row.next()) {
          all.add(row.getString(1));
        }
      }
      return all;
    } catch (SQLException e) {
      throw new StorageException("Can't exchange access tokens: " + e.getMessage(), e);
    }
  }
}
