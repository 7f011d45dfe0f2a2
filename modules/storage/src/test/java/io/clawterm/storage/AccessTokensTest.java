package io.clawterm.storage;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Path;
import javax.sql.DataSource;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class AccessTokensTest {

  @TempDir Path folder;

  @Test
  void eachNodeKnowsTheTokensOfAllAndAReplacedOneIsVoid() throws Exception {
    try (EmbeddedPostgres server =
        EmbeddedPostgres.start(folder, EmbeddedPostgresSettings.forTests())) {
      DataSource database = Databases.connect(server.target(), DatabaseSettings.defaults());
      Migrations.run(database);
      var tokens = new AccessTokens(database);

      assertThat(tokens.exchange("laptop", "aa")).containsExactly("aa");
      assertThat(tokens.exchange("server", "bb")).containsExactlyInAnyOrder("aa", "bb");
      assertThat(tokens.exchange("laptop", "cc")).containsExactlyInAnyOrder("bb", "cc");

      Sql.execute(
          database,
          "UPDATE clawterm.access_token SET seen_at = now() - INTERVAL '31 days'"
              + " WHERE folder = 'laptop'");
      assertThat(tokens.exchange("server", "bb")).containsExactly("bb");
    }
  }
}
