package io.clawterm.storage;

import akka.actor.ActorSystem;
import akka.actor.setup.Setup;
import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.SQLException;
import javax.sql.DataSource;

/**
 * Gives an actor system the database for its journal and snapshots. {@code storage.conf} on the
 * class path has the settings that go with it.
 */
public final class StorageSetup extends Setup {

  private static final String NAME = "SELECT set_config('clawterm.node', ?, false)";

  private final DataSource dataSource;
  private final int connections;
  private final DatabaseDisk disk = new DatabaseDisk();
  private volatile String writer = "";

  /**
   * The actor system uses the data source and leaves it open.
   *
   * @param connections how many connections, and threads, the journal may use at once, at least 2;
   *     at most the size of the pool behind the data source
   */
  public StorageSetup(DataSource dataSource, int connections) {
    if (connections < 2) {
      throw new IllegalArgumentException("connections must be at least 2, are " + connections);
    }
    this.dataSource = dataSource;
    this.connections = connections;
  }

  /** What an actor system was given. */
  static StorageSetup of(ActorSystem system) {
    return system
        .settings()
        .setup()
        .get(StorageSetup.class)
        .orElseThrow(() ->
            new StorageException(
                "The actor system " + system.name() + " has no database: give it a StorageSetup."));
  }

  /**
   * Makes the journal name the node that writes, on each connection that it takes: once the node is
   * fenced, its writes are refused. Not needed where the data source does so itself ({@link
   * Databases#pool}); else nothing can be written before.
   */
  public void writeAs(int number) {
    writer = String.valueOf(number);
  }

  /** Lets the journal be written without a node, which nobody can fence. */
  public StorageSetup writeAsOperator() {
    writer = "operator";
    return this;
  }

  /** Where the journal is. */
  public DataSource dataSource() {
    return new AdjustedDataSource(dataSource, this::name);
  }

  private void name(Connection connection) throws SQLException {
    if (writer.isEmpty()) {
      return;
    }
    try (PreparedStatement name = connection.prepareStatement(NAME)) {
      name.setString(1, writer);
      name.executeQuery().close();
    }
  }

  /** What the journal learns of the room that the database has. */
  public DatabaseDisk disk() {
    return disk;
  }

  /**
   * How many of them are for commits: as many as there are at once, and at most a half.
   *
   * @param parallelism how many commits the journal makes at once
   */
  int writers(int parallelism) {
    return Math.min(parallelism, connections / 2);
  }

  /** How many are for all else. */
  int others(int parallelism) {
    return connections - writers(parallelism);
  }
}
