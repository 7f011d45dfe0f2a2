package io.clawterm.storage;

import com.zaxxer.hikari.HikariDataSource;
import java.nio.file.Path;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.io.TempDir;

/** Tests of one class share a server with the schema, and a pool on it. */
abstract class OnDatabase {

  @TempDir static Path folder;

  static EmbeddedPostgres server;
  static HikariDataSource pool;

  @BeforeAll
  static void startServer() {
    server = EmbeddedPostgres.start(folder, EmbeddedPostgresSettings.forTests());
    pool = Databases.open(server.target(), DatabaseSettings.defaults());
    Migrations.run(pool);
  }

  @AfterAll
  static void stopServer() {
    pool.close();
    server.close();
  }
}
