package io.clawterm.storage;

import akka.actor.setup.Setup;
import javax.sql.DataSource;

/**
 * Gives an actor system the database for its journal and snapshots. {@code storage.conf} on the
 * class path has the settings that go with it.
 */
public final class StorageSetup extends Setup {

  private final DataSource dataSource;
  private final int connections;

  /**
   * The actor system uses the data source and leaves it open.
   *
   * @param connections how many connections, and threads, the journal may use at once; at most the
   *     size of the pool behind the data source
   */
  public StorageSetup(DataSource dataSource, int connections) {
    if (connections < 1) {
      throw new IllegalArgumentException("connections must be at least 1, are " + connections);
    }
    this.dataSource = dataSource;
    this.connections = connections;
  }

  DataSource dataSource() {
    return dataSource;
  }

  int connections() {
    return connections;
  }
}
