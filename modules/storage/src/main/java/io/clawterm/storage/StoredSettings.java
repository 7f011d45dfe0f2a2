package io.clawterm.storage;

import io.clawterm.config.LiveSettings;
import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Types;
import java.time.OffsetDateTime;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalLong;
import javax.sql.DataSource;

/** The settings that all nodes share, their history, and which node follows them how far. */
public final class StoredSettings {

  /**
   * What one node follows.
   *
   * @param version empty where it has never said: it is of a release that knows no such settings
   * @param refused what it can't follow, as {@code KEY: why}
   */
  public record Follower(ClusterNode node, OptionalLong version, List<String> refused) {

    public Follower {
      refused = List.copyOf(refused);
    }
  }

  /** What has come of an attempt to change a setting. */
  public sealed interface Outcome {
    /** It is done, and this is its place in the history. */
    record Changed(SettingChange change) implements Outcome {}

    /** Another change came first: of this key, or of another one since the check. */
    record Overtaken() implements Outcome {}
  }

  private static final String VERSION =
      """
      SELECT coalesce(max(version), 0) FROM clawterm.setting_change
      """;

  private static final String OVERLAY =
      """
      SELECT key, value FROM clawterm.setting ORDER BY version
      """;

  private static final String NEWEST_OF_ALL =
      """
      SELECT version, key, value_before, value_after, scope, tenant, principal, said_by, reason,
        node, changed_at
      FROM clawterm.setting_change
      WHERE scope = 'cluster'
        AND version IN (SELECT max(version) FROM clawterm.setting_change
                        WHERE scope = 'cluster' GROUP BY key)
      """;

  private static final String HISTORY =
      """
      SELECT version, key, value_before, value_after, scope, tenant, principal, said_by, reason,
        node, changed_at
      FROM clawterm.setting_change
      WHERE version < ? AND (? = '' OR key = ?)
      ORDER BY version DESC LIMIT ?
      """;

  /** One writer at a time, so that versions have no gap and the check below holds. */
  private static final String ALONE =
      """
      LOCK TABLE clawterm.setting_change IN SHARE ROW EXCLUSIVE MODE
      """;

  private static final String WRITE_AS =
      """
      SELECT set_config('clawterm.node', ?, true)
      """;

  private static final String CHANGE =
      """
      INSERT INTO clawterm.setting_change
        (version, key, value_before, value_after, scope, tenant, principal, said_by, reason, node)
      VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
      RETURNING version, key, value_before, value_after, scope, tenant, principal, said_by, reason,
        node, changed_at
      """;

  private static final String VALUE =
      """
      SELECT value FROM clawterm.setting WHERE key = ?
      """;

  private static final String CONFIRM =
      """
      INSERT INTO clawterm.setting_applied (node, version, refused) VALUES (?, ?, ?)
      ON CONFLICT (node) DO UPDATE
        SET version = excluded.version, refused = excluded.refused, applied_at = now()
      """;

  private static final String CONFIRMED =
      """
      SELECT node, version, refused FROM clawterm.setting_applied
      """;

  private final DataSource database;
  private final int node;

  /**
   * The settings as this life of a node sees and changes them.
   *
   * @param node the life's number; once it is fenced it changes nothing any more
   */
  public StoredSettings(DataSource database, int node) {
    this.database = database;
    this.node = node;
  }

  /** The number of the newest change; 0: there was none. */
  public long version() {
    try (Connection connection = database.getConnection()) {
      return version(connection);
    } catch (SQLException e) {
      throw failed(e);
    }
  }

  /** What holds for all nodes. */
  public LiveSettings.Overlay overlay() {
    try (Connection connection = database.getConnection();
        PreparedStatement query = connection.prepareStatement(OVERLAY)) {
      // The version first: what comes between is in the values, and read once more.
      long version = version(connection);
      Map<String, String> values = new LinkedHashMap<>();
      try (ResultSet row = query.executeQuery()) {
        while (row.next()) {
          values.put(row.getString(1), row.getString(2));
        }
      }
      return new LiveSettings.Overlay(version, values);
    } catch (SQLException e) {
      throw failed(e);
    }
  }

  /** The newest change of each key that was ever set for all nodes. */
  public Map<String, SettingChange> newest() {
    try (Connection connection = database.getConnection();
        PreparedStatement query = connection.prepareStatement(NEWEST_OF_ALL)) {
      Map<String, SettingChange> newest = new LinkedHashMap<>();
      changes(query).forEach(change -> newest.put(change.key(), change));
      return newest;
    } catch (SQLException e) {
      throw failed(e);
    }
  }

  /**
   * What was done, the newest first.
   *
   * @param key of this key alone; empty: of all
   * @param below only versions below this one
   */
  public List<SettingChange> history(Optional<String> key, long below, int limit) {
    try (Connection connection = database.getConnection();
        PreparedStatement query = connection.prepareStatement(HISTORY)) {
      query.setLong(1, below);
      query.setString(2, key.orElse(""));
      query.setString(3, key.orElse(""));
      query.setInt(4, limit);
      return changes(query);
    } catch (SQLException e) {
      throw failed(e);
    }
  }

  /**
   * Changes a setting for all nodes.
   *
   * @param after empty: it is not set any more
   * @param checkedAt the version of all settings with which the change was found to make sense
   * @throws StorageException when the database does not answer, or this life is fenced; then
   *     nothing has changed
   */
  public Outcome change(
      String key, Optional<String> after, long checkedAt, SettingChange.Author author) {
    return alone(connection -> {
      long version = version(connection);
      if (version != checkedAt) {
        return new Outcome.Overtaken();
      }
      return new Outcome.Changed(
          insert(
              connection,
              version + 1,
              new LiveSettings.Change(key, value(connection, key), after),
              SettingChange.Scope.CLUSTER,
              author));
    });
  }

  /** Keeps in the history what this node has read anew from its own file. */
  public void reloaded(List<LiveSettings.Change> changes, SettingChange.Author author) {
    var unused =
        alone(connection -> {
          long version = version(connection);
          for (LiveSettings.Change change : changes) {
            version++;
            insert(connection, version, change, SettingChange.Scope.FILE, author);
          }
          return version;
        });
  }

  /** Says how far this node follows. */
  public void confirm(LiveSettings.State<?> state) {
    try (Connection connection = database.getConnection();
        PreparedStatement upsert = connection.prepareStatement(CONFIRM)) {
      upsert.setInt(1, node);
      upsert.setLong(2, state.overlay().version());
      upsert.setArray(
          3,
          connection.createArrayOf(
              "text",
              state.refused().entrySet().stream()
                  .map(each -> each.getKey() + ": " + each.getValue())
                  .toArray()));
      upsert.executeUpdate();
    } catch (SQLException e) {
      throw failed(e);
    }
  }

  /** The nodes that are there, as far as the database knows, and what they follow. */
  public List<Follower> followers() {
    Map<Integer, Follower> confirmed = new LinkedHashMap<>();
    List<ClusterNode> nodes =
        new ClusterNodes(database).writers().stream().filter(ClusterNode::joined).toList();
    nodes.forEach(
        each -> confirmed.put(each.number(), new Follower(each, OptionalLong.empty(), List.of())));
    try (Connection connection = database.getConnection();
        PreparedStatement query = connection.prepareStatement(CONFIRMED);
        ResultSet row = query.executeQuery()) {
      while (row.next()) {
        OptionalLong version = OptionalLong.of(row.getLong(2));
        List<String> refused = List.of((String[]) row.getArray(3).getArray());
        confirmed.computeIfPresent(
            row.getInt(1), (number, known) -> new Follower(known.node(), version, refused));
      }
      return List.copyOf(confirmed.values());
    } catch (SQLException e) {
      throw failed(e);
    }
  }

  /** Steps that nobody else's change comes between; it waits for one that is under way. */
  private <R> R alone(Transaction.Steps<R> steps) {
    try {
      return Transaction.run(
          database,
          connection -> {
            try (PreparedStatement name = connection.prepareStatement(WRITE_AS)) {
              name.setString(1, String.valueOf(node));
              name.executeQuery().close();
            }
            Transaction.execute(connection, ALONE);
            return steps.run(connection);
          });
    } catch (SQLException e) {
      throw failed(e);
    }
  }

  private SettingChange insert(
      Connection connection,
      long version,
      LiveSettings.Change change,
      SettingChange.Scope scope,
      SettingChange.Author author)
      throws SQLException {
    try (PreparedStatement insert = connection.prepareStatement(CHANGE)) {
      insert.setLong(1, version);
      insert.setString(2, change.key());
      set(insert, 3, change.before());
      set(insert, 4, change.after());
      insert.setString(5, scope == SettingChange.Scope.CLUSTER ? "cluster" : "file");
      insert.setString(6, author.tenant());
      insert.setString(7, author.principal());
      insert.setString(8, author.saidBy());
      insert.setString(9, author.reason());
      insert.setInt(10, node);
      return changes(insert).getFirst();
    }
  }

  private static void set(PreparedStatement statement, int index, Optional<String> text)
      throws SQLException {
    if (text.isPresent()) {
      statement.setString(index, text.get());
    } else {
      statement.setNull(index, Types.VARCHAR);
    }
  }

  private static List<SettingChange> changes(PreparedStatement query) throws SQLException {
    List<SettingChange> changes = new ArrayList<>();
    try (ResultSet row = query.executeQuery()) {
      while (row.next()) {
        changes.add(
            new SettingChange(
                row.getLong(1),
                row.getString(2),
                Optional.ofNullable(row.getString(3)),
                Optional.ofNullable(row.getString(4)),
                row.getString(5).equals("cluster")
                    ? SettingChange.Scope.CLUSTER
                    : SettingChange.Scope.FILE,
                new SettingChange.Author(
                    row.getString(6), row.getString(7), row.getString(8), row.getString(9)),
                row.getInt(10),
                row.getObject(11, OffsetDateTime.class).toInstant()));
      }
    }
    return changes;
  }

  private static long version(Connection connection) throws SQLException {
    try (PreparedStatement query = connection.prepareStatement(VERSION);
        ResultSet row = query.executeQuery()) {
      row.next();
      return row.getLong(1);
    }
  }

  private static Optional<String> value(Connection connection, String key) throws SQLException {
    try (PreparedStatement query = connection.prepareStatement(VALUE)) {
      query.setString(1, key);
      try (ResultSet row = query.executeQuery()) {
        return row.next() ? Optional.of(row.getString(1)) : Optional.empty();
      }
    }
  }

  private static StorageException failed(SQLException e) {
    return new StorageException("Can't read or change the settings: " + e.getMessage(), e);
  }
}
