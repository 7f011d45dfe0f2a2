package io.clawterm.http;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import akka.serialization.Serialization;
import akka.serialization.SerializationExtension;
import io.clawterm.api.Principal;
import io.clawterm.http.GoldenSessions.Golden;
import io.clawterm.protocol.Mode;
import io.clawterm.session.Bytes;
import io.clawterm.session.DeviceMessage;
import io.clawterm.session.Entry;
import io.clawterm.session.SessionCommand;
import io.clawterm.session.SessionEvent;
import io.clawterm.session.TargetCommand;
import io.clawterm.session.TargetMemo;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.time.Duration;
import java.util.HashMap;
import java.util.HashSet;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.FieldSource;

/**
 * Whole journals that releases have left, in a store of now: what their sessions show stays the
 * same.
 *
 * <p>For the next release, once {@link GoldenSessions} goes through all that is new: make a folder
 * for it beside the others, run this test with {@code -Dclawterm.golden=FOLDER}, which writes what
 * is missing there, and name it in {@link #RELEASES}. The files of a release are never changed.
 * What is stored while a release is made may be thrown away and written again until it is out.
 */
class GoldenJournalTest {

  private static final List<String> RELEASES = List.of("0.1");
  private static final Duration LIMIT = Duration.ofSeconds(30);

  private static final String JOURNAL = "journal.jsonl.gz";
  private static final String SHOWN = "shown.txt";

  /** A body longer than this is shown by its beginning, its length and its digest. */
  private static final int WHOLE_BYTES = 200;

  private static final SessionCommand.InputFrame NEW_INPUT = GoldenSessions.frame("what else?");

  @TempDir static Path folder;

  private static TestDatabase database;

  @BeforeAll
  static void startServer() throws Exception {
    database = new TestDatabase(folder);
    writeIfAsked();
  }

  @AfterAll
  static void stopServer() {
    database.close();
  }

  /** With its snapshots, as the release has left it. */
  @ParameterizedTest
  @FieldSource("RELEASES")
  void theSessionsOfEachReleaseShowTheSame(String release) throws Exception {
    assertThat(shown(rows(release))).isEqualTo(expected(release));
  }

  /** A snapshot is a cache wherever the whole journal is there. */
  @ParameterizedTest
  @FieldSource("RELEASES")
  void theyShowTheSameWithoutTheirSnapshots(String release) throws Exception {
    List<StoredRows.Row> rows = rows(release).rows();
    Set<String> whole = new HashSet<>();
    rows.stream().filter(row -> row.number() == 1).forEach(row -> whole.add(row.entity()));
    var journal = rows.stream().filter(row -> !(row.snapshot() && whole.contains(row.entity())));

    assertThat(shown(new StoredRows(journal.toList()))).isEqualTo(expected(release));
  }

  @Test
  void allThatCanHappenToASessionIsInTheJournalOfARelease() throws Exception {
    Set<Class<?>> changes = new HashSet<>();
    Set<String> others = new HashSet<>();
    try (TestNode node = new TestNode(database, new ManualClock())) {
      for (String release : RELEASES) {
        for (StoredRows.Row row : rows(release).rows()) {
          if (read(node, row) instanceof SessionEvent event) {
            event.changes().forEach(change -> changes.add(change.getClass()));
          } else {
            others.add(row.manifest().replaceFirst("#.*", ""));
          }
        }
      }
    }

    assertThat(changes).contains(SessionEvent.Change.class.getPermittedSubclasses());
    assertThat(others)
        .contains(
            "io.clawterm.session.DirectoryEntity$Bound", "io.clawterm.session.SessionState$Open");
  }

  // ---- what is shown ----

  /** What these rows make of each session, for a device of it and for its target. */
  private static String shown(StoredRows rows) throws Exception {
    empty();
    rows.insertInto(database.pool);
    var text = new StringBuilder();
    try (var sessions = new GoldenSessions(database.pool, new ManualClock())) {
      Map<String, Long> tokens = tokens(sessions.node(), rows);
      text.append("\"a key\" leads to ").append(sessions.key()).append('\n');
      for (Golden golden : GoldenSessions.ALL) {
        text.append('\n').append(golden.id()).append(' ').append(golden.target()).append('\n');
        show(sessions, golden, Optional.ofNullable(tokens.get(entity(golden))), text);
      }
      var summaries = new JdbcSessionSummaries(database.pool);
      await()
          .atMost(LIMIT)
          .until(() -> summaries.find(Principal.LOCAL, GoldenSessions.TALK.id()).isPresent());
    }
    return text.toString();
  }

  /** The newest token of the laptop in each session. */
  private static Map<String, Long> tokens(TestNode node, StoredRows rows) {
    Map<String, Long> tokens = new HashMap<>();
    for (StoredRows.Row row : rows.rows()) {
      if (read(node, row) instanceof SessionEvent event) {
        for (SessionEvent.Change change : event.changes()) {
          if (change instanceof SessionEvent.DeviceAttached attached
              && attached.device().equals("laptop")) {
            tokens.put(row.entity(), attached.generation());
          }
        }
      }
    }
    return tokens;
  }

  private static void show(
      GoldenSessions sessions, Golden golden, Optional<Long> token, StringBuilder text) {
    var laptop = sessions.new Device(golden, "laptop", Mode.SHARE);
    DeviceMessage answer = token.isPresent() ? laptop.resume(token.get(), 0) : laptop.connect();
    text.append(token.isPresent() ? "  resumed: " : "  connected: ");
    switch (answer) {
      case DeviceMessage.Attached attached -> {
        text.append(
            "input up to %d, entries %d to %d, key %s, expires after %s%n"
                .formatted(
                    attached.lastInput(),
                    attached.firstNumber(),
                    attached.headNumber(),
                    attached.key().orElse("-"),
                    attached.expiry()));
        showEntries(laptop, attached, text);
        showTarget(
            sessions.target(golden.target()),
            text,
            () -> laptop.sends(attached.lastInput() + 1, NEW_INPUT));
      }
      case DeviceMessage.Refused refused -> {
        text.append(refused.refusal()).append(", ").append(refused.text()).append('\n');
        sessions
            .node()
            .logOf(golden.id())
            .forEach(entry -> show(entry.number(), entry.entry(), text));
      }
      case DeviceMessage other -> throw new AssertionError("not an answer: " + other);
    }
  }

  private static void showEntries(
      GoldenSessions.Device laptop, DeviceMessage.Attached attached, StringBuilder text) {
    long next = attached.firstNumber();
    while (next <= attached.headNumber()) {
      var output = (DeviceMessage.Output) laptop.edge.receiveMessage(LIMIT);
      assertThat(output.firstNumber()).isEqualTo(next);
      for (Entry entry : output.entries()) {
        show(next, entry, text);
        next++;
      }
    }
  }

  private static void show(long number, Entry entry, StringBuilder text) {
    text.append("  %4d %s %s".formatted(number, entry.kind(), body(entry)));
    if (entry.plain().length() > 0) {
      text.append(" | ").append(entry.plain().utf8().strip());
    }
    text.append(entry.more() ? " ...\n" : "\n");
  }

  private static String body(Entry entry) {
    Bytes body = entry.body();
    if (entry.kind() == Entry.Kind.BYTES) {
      return HexFormat.of().formatHex(body.unsafeArray());
    }
    return body.length() <= WHOLE_BYTES
        ? body.utf8()
        : "%s... (%d bytes, SHA-256 %s)"
            .formatted(body.utf8().substring(0, 20), body.length(), digest(body));
  }

  private static String digest(Bytes body) {
    try {
      byte[] digest = MessageDigest.getInstance("SHA-256").digest(body.unsafeArray());
      return HexFormat.of().formatHex(digest, 0, 8);
    } catch (NoSuchAlgorithmException e) {
      throw new AssertionError(e);
    }
  }

  /** What the target is given: what it has remembered, what waits, and then something new. */
  private static void showTarget(GoldenTarget target, StringBuilder text, Runnable goOn) {
    Optional<TargetMemo> memo = target.started().memo();
    text.append("  target: ")
        .append(memo.map(known -> (known.open() ? "open " : "at rest ") + known.json()).orElse("-"))
        .append('\n');
    goOn.run();
    boolean isNew = false;
    while (!isNew) {
      for (TargetCommand.TargetInput input : target.delivered()) {
        isNew = input.body().equals(NEW_INPUT.body());
        text.append(
            "    input %d of %s in entry %s: %s%n"
                .formatted(
                    input.number(),
                    input.device(),
                    input.entry().map(String::valueOf).orElse("-"),
                    input.body().utf8().strip()));
      }
    }
  }

  // ---- the files ----

  private static String entity(Golden golden) {
    return GoldenSessions.entity(golden);
  }

  private static Object read(TestNode node, StoredRows.Row row) {
    Serialization serialization = SerializationExtension.get(node.system);
    return serialization
        .deserialize(row.payload().unsafeArray(), row.serializer(), row.manifest())
        .get();
  }

  private static StoredRows rows(String release) throws IOException {
    return StoredRows.read(file(release, JOURNAL));
  }

  private static String expected(String release) throws IOException {
    return new String(file(release, SHOWN).readAllBytes(), StandardCharsets.UTF_8);
  }

  private static InputStream file(String release, String name) {
    String path = "/golden/" + release + "/" + name;
    return Objects.requireNonNull(
        GoldenJournalTest.class.getResourceAsStream(path), "no golden file " + path);
  }

  private static void writeIfAsked() throws Exception {
    String wanted = System.getProperty("clawterm.golden");
    if (wanted == null) {
      return;
    }
    Path journal = Path.of(wanted, JOURNAL);
    Path shown = Path.of(wanted, SHOWN);
    if (Files.notExists(journal)) {
      try (var sessions = new GoldenSessions(database.pool, new ManualClock())) {
        sessions.live();
      }
      StoredRows.of(database.pool).write(journal);
    }
    if (Files.notExists(shown)) {
      Files.writeString(shown, shown(StoredRows.read(Files.newInputStream(journal))));
    }
  }

  private static void empty() {
    database.update("SET clawterm.node = 'operator'; DELETE FROM clawterm.event_journal");
    database.update("SET clawterm.node = 'operator'; DELETE FROM clawterm.snapshot");
    database.update("DELETE FROM clawterm.session_summary");
    database.update("DELETE FROM clawterm.akka_projection_offset_store");
  }
}
