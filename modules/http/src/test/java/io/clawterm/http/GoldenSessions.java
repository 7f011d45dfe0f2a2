package io.clawterm.http;

import static org.awaitility.Awaitility.await;

import akka.actor.testkit.typed.javadsl.TestProbe;
import akka.actor.typed.ActorRef;
import io.clawterm.api.Principal;
import io.clawterm.api.SessionId;
import io.clawterm.protocol.Mode;
import io.clawterm.session.Attachment;
import io.clawterm.session.BundleManifest;
import io.clawterm.session.Bytes;
import io.clawterm.session.DeviceMessage;
import io.clawterm.session.Entry;
import io.clawterm.session.ImportReply;
import io.clawterm.session.SessionCommand;
import io.clawterm.session.SessionEnvironment;
import io.clawterm.session.SessionMetrics;
import io.clawterm.session.SessionSettings;
import io.clawterm.session.TargetCommand;
import io.clawterm.session.TargetContext;
import io.clawterm.session.TargetMemo;
import io.clawterm.session.Targets;
import io.clawterm.storage.JournalTrim;
import io.clawterm.storage.StorageSetup;
import java.time.Duration;
import java.time.Instant;
import java.time.InstantSource;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.Function;
import javax.sql.DataSource;

/**
 * A node with the sessions of the golden journal. {@link #live} takes them through all that can
 * happen to a session; what is stored then is what a release leaves to the next one. Memos are as
 * the targets of that release store them; these have tests that read the same texts.
 */
final class GoldenSessions implements AutoCloseable {

  /** One of the sessions, and how a device asks for it. */
  record Golden(SessionId id, String target, String key) {}

  static final Golden TALK = new Golden(new SessionId(1), "agent:main", "agent:main:main");
  static final Golden POD = new Golden(new SessionId(2), "pod:box", "box");
  static final Golden PROGRAM = new Golden(new SessionId(3), "pty:bash", "shell");
  static final Golden TRIMMED = new Golden(new SessionId(4), "agent:long", "long");
  static final Golden MOVED = new Golden(new SessionId(5), "agent:moved", "moved");
  static final Golden HALF_MOVED = new Golden(new SessionId(6), "agent:half", "half");
  static final Golden CLOSED = new Golden(new SessionId(7), "agent:closed", "closed");

  static final List<Golden> ALL = List.of(TALK, POD, PROGRAM, TRIMMED, MOVED, HALF_MOVED, CLOSED);

  private static final Duration LIMIT = Duration.ofSeconds(30);
  private static final AtomicLong ATTACHMENTS = new AtomicLong(9_000_000);
  private static final long WINDOW = 10_000_000;

  /** Small limits, so that snapshots are taken and retention has something to do. */
  private static final SessionSettings SETTINGS =
      new SessionSettings(
          4_096,
          65_536,
          4,
          Duration.ofMinutes(10),
          Duration.ofDays(30),
          Duration.ofDays(60),
          131_072,
          524_288,
          Duration.ofDays(365),
          10);

  private static final String POD_MEMO =
      """
      {"keys":"3586763f6b70aa92878adb845e5e186627a2d47d9f5aae340c45675ced9b110341f02e2eb71132b67eba\
      5bd3ddb2e487c1635383aaf2ba8f526991532285473ef3e555f5eb5cf60c781dfa8bcf1aa719f3f1910cdc93cb7d9\
      5e06f1545ff86cc793c56e1afb0599a0a6cb5f6f65049018cf4e9192baad651f1c52214bf","base":0,\
      "session":7,"received":3,"acknowledged":1}\
      """;

  private final TestNode node;
  private final DataSource database;
  private final Map<String, GoldenTarget> targets = new ConcurrentHashMap<>();

  GoldenSessions(DataSource database, InstantSource clock) {
    this.database = database;
    this.node = new TestNode(database, clock, SessionMetrics.NONE, this::small);
  }

  private SessionEnvironment small(SessionEnvironment usual) {
    DataSource written = new StorageSetup(database, 2).writeAsOperator().dataSource();
    return new SessionEnvironment(
        SETTINGS,
        (owner, name) -> new Targets.Found.Available(target(name)),
        usual.log(),
        (id, upTo) -> CompletableFuture.runAsync(() -> JournalTrim.upTo(written, id, upTo)),
        usual.clock(),
        usual.metrics());
  }

  TestNode node() {
    return node;
  }

  GoldenTarget target(String name) {
    return targets.computeIfAbsent(name, GoldenTarget::named);
  }

  /** The connection of a device, as an edge would hold it. */
  final class Device {
    final TestProbe<DeviceMessage> edge =
        TestProbe.create("device", DeviceMessage.class, node.system);
    final long attachment = ATTACHMENTS.incrementAndGet();
    private final Golden session;
    private final String name;
    private final Mode mode;

    Device(Golden session, String name, Mode mode) {
      this.session = session;
      this.name = name;
      this.mode = mode;
    }

    private Attachment attachment() {
      return new Attachment(
          attachment,
          name,
          edge.ref(),
          mode,
          WINDOW,
          Optional.of(new Attachment.WindowSize(80, 24)));
    }

    /** What a CONNECT is answered. */
    DeviceMessage connect() {
      tell(
          new SessionCommand.Connect(
              Principal.LOCAL,
              session.target(),
              Optional.of(session.key()),
              Optional.empty(),
              attachment()));
      return edge.receiveMessage(LIMIT);
    }

    /** What a RESUME is answered. */
    DeviceMessage resume(long generation, long last) {
      tell(new SessionCommand.Resume(Principal.LOCAL, generation, last, attachment()));
      return edge.receiveMessage(LIMIT);
    }

    private void tell(SessionCommand command) {
      node.sessions.tell(session.id(), command);
    }

    /** Sends input in one message, and waits until it is durable. */
    void sends(long first, SessionCommand.InputFrame... frames) {
      tell(new SessionCommand.Input(attachment, first, List.of(frames)));
      long last = first + frames.length - 1;
      await(message ->
          message instanceof DeviceMessage.InputDurable durable && durable.upTo() == last);
    }

    /** Ends the attachment by this command, and waits until that is durable. */
    private void ends(Function<Long, SessionCommand> by) {
      tell(by.apply(attachment));
      await(message -> message instanceof DeviceMessage.Detached);
    }

    private void await(Function<DeviceMessage, Boolean> wanted) {
      while (!wanted.apply(edge.receiveMessage(LIMIT))) {
        // output comes in between
      }
    }
  }

  private static DeviceMessage.Attached attached(DeviceMessage answer) {
    return (DeviceMessage.Attached) answer;
  }

  static SessionCommand.InputFrame frame(String text) {
    return new SessionCommand.InputFrame(Bytes.of(text), false, false);
  }

  private static Optional<TargetMemo> memo(String json, boolean open) {
    return Optional.of(new TargetMemo(json, open));
  }

  // ---- their lives ----

  /** Takes the sessions through their lives, on a database that has nothing of them. */
  void live() {
    key();
    talk();
    pod();
    program();
    trimmed();
    moved();
    begin(HALF_MOVED, 1);
    closed();
  }

  /** The id that the directory has for a key; bound when it is first asked. */
  SessionId key() {
    return node.sessions
        .resolve(Principal.LOCAL, Optional.of("a key"), Optional.empty(), Optional.empty())
        .toCompletableFuture()
        .join();
  }

  /** Two devices; three messages, of which the last waits, behind a run that was cut. */
  private void talk() {
    var laptop = new Device(TALK, "laptop", Mode.SHARE);
    DeviceMessage.Attached first = attached(laptop.connect());
    GoldenTarget agent = target(TALK.target());
    TargetContext life = agent.started();
    laptop.sends(1, frame("good morning"));
    agent.emits(
        life,
        OptionalLong.of(1),
        memo("{\"readFrom\":1,\"attempt\":1}", true),
        Entry.event("{\"type\":\"status\",\"state\":\"started\",\"first\":1,\"last\":1}", ""));
    agent.emits(life, OptionalLong.empty(), Optional.empty(), Entry.text("Good "));
    agent.emits(
        life,
        OptionalLong.empty(),
        memo("{\"readFrom\":1,\"attempt\":0}", false),
        Entry.text("mörning 𝄞"),
        Entry.event("{\"type\":\"status\",\"state\":\"done\"}", ""));
    var phone = new Device(TALK, "phone", Mode.WATCH);
    attached(phone.connect());
    laptop.sends(
        2,
        new SessionCommand.InputFrame(Bytes.of("{\"type\":\"abort\"}"), true, false),
        new SessionCommand.InputFrame(Bytes.of("what time "), false, true),
        frame("is it?"));
    phone.ends(attachment -> new SessionCommand.Suspend(attachment, 4, Optional.empty()));
    laptop.ends(
        attachment -> new SessionCommand.Suspend(attachment, 5, Optional.of(Duration.ofDays(3))));
    var again = new Device(TALK, "laptop", Mode.SHARE);
    attached(again.resume(first.tokenGeneration(), 5));
    agent.emits(
        life,
        OptionalLong.of(4),
        memo("{\"readFrom\":6,\"attempt\":2}", true),
        Entry.event("{\"type\":\"status\",\"state\":\"started\",\"first\":7,\"last\":8}", ""),
        Entry.text("It is"));
    again.sends(5, frame("and the date?"));
    again.ends(attachment -> new SessionCommand.Suspend(attachment, 8, Optional.empty()));
  }

  /** A pod that has acknowledged one input of two. */
  private void pod() {
    var laptop = new Device(POD, "laptop", Mode.SHARE);
    attached(laptop.connect());
    GoldenTarget pod = target(POD.target());
    TargetContext life = pod.started();
    laptop.sends(1, frame("ls\n"));
    pod.emits(
        life,
        OptionalLong.of(1),
        memo(POD_MEMO, true),
        Entry.bytes(Bytes.wrap(new byte[] {27, 91, 72, -128}), true),
        Entry.bytes(Bytes.of("file\n"), false),
        Entry.event("{\"type\":\"notice\",\"text\":\"slow\"}", "slow\n"));
    laptop.sends(2, frame("rm file\n"));
    laptop.ends(attachment -> new SessionCommand.Suspend(attachment, 2, Optional.empty()));
  }

  /** A program that has come to its end. */
  private void program() {
    var laptop = new Device(PROGRAM, "laptop", Mode.SHARE);
    attached(laptop.connect());
    GoldenTarget program = target(PROGRAM.target());
    TargetContext life = program.started();
    program.emits(life, OptionalLong.empty(), memo("{\"started\":true}", true));
    laptop.sends(1, frame("exit 3\n"));
    program.emits(
        life,
        OptionalLong.of(1),
        memo("{\"started\":true,\"end\":\"exit code 3\"}", true),
        Entry.bytes(Bytes.of("$ exit 3\n"), false));
    life.session().tell(new SessionCommand.Finish(life.epoch(), "exit code 3"));
    laptop.await(message -> message instanceof DeviceMessage.Detached);
  }

  /** A log so long that its beginning is gone, also from the journal. */
  private void trimmed() {
    var laptop = new Device(TRIMMED, "laptop", Mode.SHARE);
    attached(laptop.connect());
    GoldenTarget agent = target(TRIMMED.target());
    TargetContext life = agent.started();
    laptop.ends(attachment -> new SessionCommand.Suspend(attachment, 0, Optional.empty()));
    for (int i = 1; i <= 45; i++) {
      agent.emits(
          life,
          OptionalLong.empty(),
          Optional.empty(),
          Entry.text(i + " " + "0123456789".repeat(800)));
    }
    await().atMost(LIMIT).until(() -> smallestNumber(TRIMMED) > 1);
  }

  private long smallestNumber(Golden session) throws Exception {
    return StoredRows.of(database).rows().stream()
        .filter(row -> !row.snapshot() && row.entity().equals(entity(session)))
        .mapToLong(StoredRows.Row::number)
        .min()
        .orElseThrow();
  }

  static String entity(Golden session) {
    return "session|" + session.id();
  }

  /** It came as a bundle. */
  private void moved() {
    begin(MOVED, 3);
    var input =
        new TargetCommand.TargetInput(
            9, "laptop", Bytes.of("and then?"), false, false, Optional.of(4L));
    ask(
        MOVED,
        to -> new SessionCommand.ImportInput(Principal.LOCAL, "0badcafe", List.of(input), to));
    var manifest =
        new BundleManifest(
            MOVED.id(),
            Optional.of(MOVED.key()),
            MOVED.target(),
            Instant.parse("2025-12-24T18:00:00Z"),
            Duration.ofDays(9).toSeconds(),
            3,
            4,
            9,
            8,
            1,
            memo("{\"readFrom\":3,\"attempt\":0}", false));
    ImportReply end =
        ask(
            MOVED,
            to ->
                new SessionCommand.EndImport(
                    Principal.LOCAL, "0badcafe", manifest, MOVED.key(), to));
    if (!(end instanceof ImportReply.Here)) {
      throw new AssertionError("the import has not ended: " + end);
    }
  }

  private void begin(Golden session, long first) {
    ask(
        session,
        to ->
            new SessionCommand.BeginImport(
                Principal.LOCAL, "0badcafe", first, session.target(), to));
    ask(
        session,
        to ->
            new SessionCommand.ImportEntries(
                Principal.LOCAL,
                "0badcafe",
                first,
                List.of(Entry.text("from elsewhere"), Entry.event("{\"type\":\"message\"}", "hi")),
                to));
  }

  private ImportReply ask(Golden session, Function<ActorRef<ImportReply>, SessionCommand> step) {
    TestProbe<ImportReply> asker = TestProbe.create("asker", ImportReply.class, node.system);
    node.sessions.tell(session.id(), step.apply(asker.ref()));
    return asker.receiveMessage(LIMIT);
  }

  /** A device has closed it. */
  private void closed() {
    var laptop = new Device(CLOSED, "laptop", Mode.SHARE);
    attached(laptop.connect());
    laptop.sends(1, frame("bye"));
    laptop.ends(attachment -> new SessionCommand.Disconnect(attachment, 1));
  }

  @Override
  public void close() {
    node.close();
  }
}
