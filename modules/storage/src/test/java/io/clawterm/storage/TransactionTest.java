package io.clawterm.storage;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.lang.reflect.Proxy;
import java.sql.Connection;
import java.sql.SQLException;
import org.junit.jupiter.api.Test;
import org.postgresql.ds.PGSimpleDataSource;

class TransactionTest extends OnDatabase {

  /** A host's pool need not undo what is left open when a connection comes back to it. */
  @Test
  void anErrorLeavesNothingToWhoeverHasTheConnectionNext() throws SQLException {
    Sql.execute(pool, "CREATE TABLE step (number int)");
    try (Connection connection = Sql.on(server).getConnection()) {
      var one = new OfOneConnection(connection);

      assertThatThrownBy(() ->
              Transaction.run(
                  one,
                  same -> {
                    Transaction.execute(same, "INSERT INTO step VALUES (1)");
                    throw new AssertionError("as the test wants it");
                  }))
          .isInstanceOf(AssertionError.class);

      assertThat(connection.getAutoCommit()).isTrue();
    }
    assertThat(Sql.value(pool, "SELECT count(*) FROM step")).isEqualTo("0");
  }

  /** A pool that does nothing with what is given back. */
  private static final class OfOneConnection extends PGSimpleDataSource {
    private static final long serialVersionUID = 1;

    private final transient Connection connection;

    OfOneConnection(Connection connection) {
      this.connection = connection;
    }

    @Override
    public Connection getConnection() {
      return (Connection)
          Proxy.newProxyInstance(
              getClass().getClassLoader(),
              new Class<?>[] {Connection.class},
              (proxy, method, arguments) ->
                  method.getName().equals("close") ? null : method.invoke(connection, arguments));
    }
  }
}
