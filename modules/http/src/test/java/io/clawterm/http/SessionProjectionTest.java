package io.clawterm.http;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import io.clawterm.api.Principal;
import io.clawterm.api.SessionId;
import io.clawterm.session.SessionEvent;
import io.clawterm.session.Sessions;
import io.clawterm.session.Target;
import io.clawterm.session.TargetMemo;
import java.nio.file.Path;
import java.sql.Connection;
import java.sql.SQLException;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class SessionProjectionTest {

  private static final Duration LIMIT = Duration.ofSeconds(30);
  private static final Principal MAY = new Principal("default", "may");

  @TempDir static Path folder;

  private static TestDatabase database;
  private static JdbcSessionSummaries summaries;

  @BeforeAll
  static void startServer() {
    database = new TestDatabase(folder);
    summaries = new JdbcSessionSummaries(database.pool);
  }

  @AfterAll
  static void stopServer() {
    database.close();
  }

  @Test
  void theTableFollowsASessionsLife() {
    var clock = new ManualClock();
    SessionId id = new SessionId(0xa1);
    try (TestNode node = new TestNode(database, clock)) {
      var laptop = node.connect(id, "laptop");
      var phone = node.connect(id, "phone");
      laptop.says("start");
      await()
          .atMost(LIMIT)
          .untilAsserted(() ->
              assertThat(summaries.find(Principal.LOCAL, id))
                  .contains(summary(id, clock, List.of("laptop", "phone"), true)));

      clock.advance(Duration.ofMinutes(5));
      laptop.says("stop");
      phone.leaves();
      await()
          .atMost(LIMIT)
          .untilAsserted(() -> {
            SessionSummary summary = summaries.find(Principal.LOCAL, id).orElseThrow();
            assertThat(summary.devices()).containsExactly("laptop");
            assertThat(summary.runOpen()).isFalse();
            assertThat(summary.touchedAt()).isEqualTo(clock.instant());
          });

      assertThat(summaries.find(MAY, id)).isEmpty();
    }
  }

  private static SessionSummary summary(
      SessionId id, ManualClock clock, List<String> devices, boolean runOpen) {
    return new SessionSummary(
        id,
        Principal.LOCAL,
        Optional.of("key:" + id),
        "agent:test",
        SessionSummary.State.OPEN,
        clock.instant(),
        clock.instant(),
        Duration.ofDays(30),
        runOpen,
        devices,
        Optional.empty());
  }

  @Test
  void inputThatWaitsIsAnOpenRunUntilItIsConsumed() {
    SessionId id = new SessionId(0xa2);
    try (TestNode node = new TestNode(database, new ManualClock())) {
      var laptop = node.connect(id, "laptop");

      laptop.says("wait");
      await().atMost(LIMIT).untilAsserted(() -> assertThat(runOpen(id)).contains(true));
      laptop.says("wait");
      laptop.says("drop");
      await().atMost(LIMIT).untilAsserted(() -> assertThat(runOpen(id)).contains(false));

      // Its creation, the first input and the end of all waiting; not each input.
      assertThat(
              database.value(
                  "SELECT count(*) FROM clawterm.event_tag t JOIN clawterm.event_journal j"
                      + " ON t.event_id = j.ordering WHERE j.persistence_id LIKE '%000000a2'"))
          .isEqualTo("3");
    }
  }

  private static Optional<Boolean> runOpen(SessionId id) {
    return summaries.find(Principal.LOCAL, id).map(SessionSummary::runOpen);
  }

  @Test
  void aCommitFromBeforeTheFieldWorkIsReadByItsMemo() {
    var emitted =
        new SessionEvent.Emitted(
            List.of(), OptionalLong.empty(), Optional.of(new TargetMemo("{}", true)));
    var old = new SessionEvent(Instant.EPOCH, 0, List.of(emitted), Optional.empty());

    assertThat(SummaryChange.of(new SessionId(1), 1, old).runOpen()).contains(true);
  }

  @Test
  void aRebuildFromTheJournalGivesTheSameRows() {
    var clock = new ManualClock();
    try (TestNode node = new TestNode(database, clock)) {
      for (int i = 1; i <= 20; i++) {
        var device = node.connect(new SessionId(0xb00 + i), "device-" + i);
        clock.advance(Duration.ofSeconds(1));
        device.says(i % 2 == 0 ? "start" : "stop");
        if (i % 3 == 0) {
          device.suspends(Duration.ofHours(i));
        }
      }
      await()
          .atMost(LIMIT)
          .untilAsserted(() ->
              assertThat(
                      database.value(
                          "SELECT count(*) FROM clawterm.session_summary"
                              + " WHERE session_id LIKE '00000b%' AND position >= 3"))
                  .isEqualTo("20"));
      awaitQuiet();
      String before = database.summaries("00000b");
      database.update(
          "UPDATE clawterm.session_summary SET target = 'broken', position = 1000000"
              + " WHERE session_id LIKE '00000b%'");

      SessionProjection.rebuild(node.system, database.pool)
          .toCompletableFuture()
          .orTimeout(LIMIT.toSeconds(), TimeUnit.SECONDS)
          .join();

      await()
          .atMost(LIMIT)
          .untilAsserted(() -> assertThat(database.summaries("00000b")).isEqualTo(before));
    }
  }

  /** The projection has caught up when its offset is the journal's newest tagged event. */
  private static void awaitQuiet() {
    await()
        .atMost(LIMIT)
        .untilAsserted(() ->
            assertThat(
                    database.value(
                        "SELECT max(current_offset::bigint)"
                            + " FROM clawterm.akka_projection_offset_store"))
                .isEqualTo(database.value("SELECT max(event_id) FROM clawterm.event_tag")));
  }

  @Test
  void aCommitThatComesAgainOrLateChangesNothing() throws SQLException {
    SessionId id = new SessionId(0xc1);
    Instant at = Instant.parse("2026-03-04T05:06:07Z");
    List<SummaryChange> life = new ArrayList<>();
    life.add(
        SummaryChange.of(
            id,
            1,
            new SessionEvent(
                at,
                0,
                List.of(
                    new SessionEvent.Created(
                        MAY, Optional.empty(), "agent:test", Target.InputStyle.MESSAGES, 7, 60),
                    new SessionEvent.DeviceAttached("phone", 1, 0)),
                Optional.empty())));
    life.add(
        SummaryChange.of(
            id,
            2,
            new SessionEvent(
                at.plusSeconds(1),
                0,
                List.of(new SessionEvent.DeviceDetached("phone", 0, OptionalLong.of(120))),
                Optional.empty())));
    life.add(
        SummaryChange.of(
            id,
            5,
            new SessionEvent(
                at.plusSeconds(2),
                0,
                List.of(new SessionEvent.DeviceAttached("tablet", 2, 0)),
                Optional.empty())));
    write(life);
    String once = database.summaries("000000c1");

    write(life);
    write(life.reversed());

    assertThat(database.summaries("000000c1")).isEqualTo(once);
    SessionSummary summary = summaries.find(MAY, id).orElseThrow();
    assertThat(summary.devices()).containsExactly("tablet");
    assertThat(summary.expiry()).isEqualTo(Duration.ofMinutes(2));

    write(
        List.of(
            SummaryChange.of(
                id,
                6,
                new SessionEvent(
                    at, 0, List.of(new SessionEvent.Closed("closed by may")), Optional.empty()))));
    assertThat(summaries.find(MAY, id).orElseThrow().endedReason()).contains("closed by may");
    assertThat(summaries.find(MAY, id).orElseThrow().state()).isEqualTo(SessionSummary.State.ENDED);
  }

  private static void write(List<SummaryChange> changes) throws SQLException {
    try (Connection connection = database.pool.getConnection()) {
      SummaryChange.writeAll(connection, changes);
    }
  }

  @Test
  void aRebuildKeepsWhatTheJournalHasNoBeginningOf() throws SQLException {
    SessionId id = new SessionId(0xf1);
    write(List.of(created(id, 7, MAY, Optional.empty(), Instant.EPOCH)));
    String before = database.summaries(id.toString());

    try (TestNode node = new TestNode(database, new ManualClock())) {
      SessionProjection.rebuild(node.system, database.pool)
          .toCompletableFuture()
          .orTimeout(LIMIT.toSeconds(), TimeUnit.SECONDS)
          .join();
    }

    assertThat(database.summaries(id.toString())).isEqualTo(before);
  }

  private static SummaryChange created(
      SessionId id, long position, Principal owner, Optional<String> key, Instant at) {
    return SummaryChange.of(
        id,
        position,
        new SessionEvent(
            at,
            0,
            List.of(
                new SessionEvent.Created(
                    owner, key, "agent:test", Target.InputStyle.MESSAGES, 7, 60)),
            Optional.empty()));
  }

  @Test
  void aNonceIsShownAsNoKey() throws SQLException {
    SessionId id = new SessionId(0xd1);
    String nonce = Sessions.nonceKey(MAY, "00112233445566778899aabbccddeeff");
    write(List.of(created(id, 1, MAY, Optional.of(nonce), Instant.EPOCH)));

    assertThat(summaries.find(MAY, id).orElseThrow().key()).isEmpty();
  }

  @Test
  void pagesFollowEachOtherWithoutAGapOrARepetition() throws SQLException {
    Principal ada = new Principal("default", "ada");
    for (int i = 1; i <= 25; i++) {
      // Several of one moment: then the id decides.
      Instant at = Instant.EPOCH.plusSeconds(i / 4);
      write(List.of(created(new SessionId(0xe00 + i), 1, ada, Optional.empty(), at)));
    }

    List<SessionId> seen = new ArrayList<>();
    Optional<SessionSummaries.Cursor> cursor = Optional.empty();
    do {
      SessionSummaries.Page page = summaries.ofOwner(ada, Optional.empty(), cursor, 10);
      page.sessions().forEach(session -> seen.add(session.id()));
      cursor = page.next();
    } while (cursor.isPresent());

    List<SessionId> expected = new ArrayList<>();
    for (int i = 25; i >= 1; i--) {
      expected.add(new SessionId(0xe00 + i));
    }
    assertThat(seen).containsExactlyElementsOf(expected);
    assertThat(summaries.countsOf(ada)).isEqualTo(new SessionSummaries.Counts(25, 0, 0, 0, 25));
    assertThat(summaries.ofOwner(ada, Optional.of(SessionSummary.State.ENDED), Optional.empty(), 5))
        .isEqualTo(new SessionSummaries.Page(List.of(), Optional.empty()));
  }
}
