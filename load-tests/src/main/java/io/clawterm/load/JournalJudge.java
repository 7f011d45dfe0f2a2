package io.clawterm.load;

import io.clawterm.storage.JdbcTarget;
import io.clawterm.testkit.Violation;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;

/**
 * What the journal itself tells of its writers: each life of an entity has a name of its own, which
 * stands with each of its events. Once another life has written, the one before must not any more,
 * and no number is left out.
 *
 * @param events that were looked at
 * @param lives that have written them
 */
record JournalJudge(long events, long lives, List<Violation> violations) {

  /** An event without what it says. */
  record Row(String entity, long number, String writer) {}

  private static final int FETCH = 10_000;

  JournalJudge {
    violations = List.copyOf(violations);
  }

  /** Reads a whole journal. */
  static JournalJudge of(JdbcTarget database) throws SQLException {
    try (Connection connection =
            DriverManager.getConnection(
                database.url(), database.user(), database.password().value());
        Statement statement = connection.createStatement()) {
      connection.setAutoCommit(false); // else the driver takes all rows at once
      statement.setFetchSize(FETCH);
      var judging = new Judging();
      try (ResultSet row =
          statement.executeQuery(
              "SELECT persistence_id, sequence_number, writer FROM clawterm.event_journal"
                  + " ORDER BY persistence_id, sequence_number")) {
        while (row.next()) {
          judging.next(new Row(row.getString(1), row.getLong(2), row.getString(3)));
        }
      }
      return judging.verdict();
    }
  }

  /** Judges these events, which are in the order of entities and numbers. */
  static JournalJudge of(List<Row> rows) {
    var judging = new Judging();
    rows.forEach(judging::next);
    return judging.verdict();
  }

  private static final class Judging {
    private final List<Violation> violations = new ArrayList<>();
    private final Set<String> past = new HashSet<>();
    private Row before = new Row("", 0, "");
    private long events;
    private long lives;

    void next(Row row) {
      events++;
      if (!row.entity().equals(before.entity())) {
        past.clear();
        lives++;
      } else {
        if (row.number() != before.number() + 1) {
          violated(row, "event %d follows %d".formatted(row.number(), before.number()));
        }
        if (!row.writer().equals(before.writer())) {
          lives++;
          past.add(before.writer());
          if (past.contains(row.writer())) {
            violated(row, "a life writes event %d after another one".formatted(row.number()));
          }
        }
      }
      before = row;
    }

    private void violated(Row row, String text) {
      violations.add(new Violation(Violation.Kind.TWO_WRITERS, row.entity(), text));
    }

    JournalJudge verdict() {
      return new JournalJudge(events, lives, violations);
    }
  }
}
