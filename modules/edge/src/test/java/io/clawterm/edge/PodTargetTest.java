package io.clawterm.edge;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import akka.actor.testkit.typed.javadsl.ActorTestKit;
import akka.actor.typed.Behavior;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.typesafe.config.ConfigFactory;
import io.clawterm.api.Principal;
import io.clawterm.protocol.Code;
import io.clawterm.protocol.Fields;
import io.clawterm.protocol.Flags;
import io.clawterm.protocol.Frame;
import io.clawterm.protocol.FrameType;
import io.clawterm.session.Bytes;
import io.clawterm.session.Entry;
import io.clawterm.session.Target;
import io.clawterm.session.TargetCommand;
import io.clawterm.session.TargetContext;
import io.clawterm.session.Targets.Found;
import io.micrometer.core.instrument.simple.SimpleMeterRegistry;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.List;
import java.util.Random;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.IntSupplier;
import org.awaitility.core.ThrowingRunnable;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

class PodTargetTest {

  private static final String ID = SessionDouble.ID.toString();
  private static final byte[] SECRET = new byte[32];
  private static final String ALL = "hello<a><b><c>";

  private static ActorTestKit kit;

  @TempDir Path folder;
  final SimpleMeterRegistry meters = new SimpleMeterRegistry();
  private PodRegistry registry;
  private Pods all;
  private int pods;

  @BeforeAll
  static void startUp() {
    kit = ActorTestKit.create();
  }

  @BeforeEach
  void openRegistry() throws IOException {
    registry = PodRegistry.open(settings(""), meters);
    all = reach(registry);
  }

  /** How a session gets at the pods of that folder. */
  Pods reach(PodRegistry folder) throws IOException {
    return folder;
  }

  /** So many bytes are between two cuts that are tried. */
  int cutEach() {
    return 1;
  }

  final Pods all() {
    return all;
  }

  @AfterEach
  void closeRegistry() {
    registry.close();
  }

  @AfterAll
  static void shutDown() {
    kit.shutdownTestKit();
  }

  @Test
  void onlyNamesOfPodsAreFound() {
    var factory = new PodTarget.Factory(settings(""), all, SECRET, meters);

    assertThat(factory.find(Principal.LOCAL, "pod:a.B_9-c")).isInstanceOf(Found.Available.class);
    assertThat(factory.find(Principal.LOCAL, "pod:../x")).isInstanceOf(Found.Missing.class);
    assertThat(factory.find(Principal.LOCAL, "pod:")).isInstanceOf(Found.Missing.class);
    assertThat(factory.find(Principal.LOCAL, "agent:x")).isInstanceOf(Found.Missing.class);
  }

  @Test
  void inputReachesThePodAndOutputTheLog() throws IOException {
    try (var pod = pod("pod");
        var session = session("pod", SessionDouble.AT_ONCE)) {
      talk(session);

      expectAll(pod, session);
      // All is acknowledged within moments, and only because it is durable.
      eventually(() -> assertThat(pod.acknowledged()).isEqualTo(4));
      assertThat(session.consumed()).isEqualTo(3);
      assertThat(pod.connections()).isEqualTo(1);
    }
  }

  @Test
  void inputReachesThePodOnceTheNodeMayAct() throws IOException {
    try (var pod = pod("pod");
        var session = session("pod", SessionDouble.AT_ONCE)) {
      session.input("a");
      eventually(() -> assertThat(pod.inputs()).containsExactly("a"));
      session.mayAct(false);

      session.input("b");
      session.input("c");
      eventually(() -> assertThat(pod.isAttached()).isFalse());
      // Several times as long as until it asks again.
      int before = pod.connections();
      await()
          .during(Duration.ofMillis(500))
          .atMost(Duration.ofSeconds(15))
          .until(() -> pod.connections() == before);
      assertThat(pod.inputs()).containsExactly("a");
      session.mayAct(true);

      expectAll(pod, session);
    }
  }

  @Test
  void aCutAfterEachByteToThePodLosesAndDoublesNothing() throws IOException {
    int total = measure()[0];
    for (int bytes = 0; bytes <= total; bytes += cutEach()) {
      int first = bytes;
      tryOut(once(first), PodDouble.NEVER, "cut after " + bytes + " bytes to the pod", 0, null);
    }
  }

  @Test
  void aCutAfterEachByteFromThePodLosesAndDoublesNothing() throws IOException {
    int total = measure()[1];
    for (int bytes = 0; bytes <= total; bytes += cutEach()) {
      int first = bytes;
      tryOut(PodDouble.NEVER, once(first), "cut after " + bytes + " bytes from the pod", 0, null);
    }
  }

  @ParameterizedTest
  @EnumSource
  void aCrashAtEachEmissionLosesAndDoublesNothing(SessionDouble.Crash crash) throws IOException {
    // In turn there is at least one each for nonce, token and answers; more come by timing.
    for (int emission = 1; emission <= 5; emission++) {
      String name = "p" + pods++;
      try (var pod = pod(name);
          var session = session(name, SessionDouble.BY_HAND)) {
        session.crashAt(emission, crash);
        session.confirmAutomatically();
        for (String input : List.of("a", "b", "c")) {
          session.input(input);
          eventually(() -> assertThat(session.text()).endsWith("<" + input + ">"));
        }
        expectAll(pod, session);
        assertThat(session.lives()).as(crash + " at " + emission).isEqualTo(2);
        assertThat(pod.sessions()).isEqualTo(1);
      }
    }
  }

  @Test
  void cutsAndCrashesInAnyOrderLoseAndDoubleNothing() throws IOException {
    for (int seed = 0; seed < 150; seed++) {
      var random = new Random(seed);
      var cutsLeft = new AtomicInteger(random.nextInt(8));
      IntSupplier budget =
          () -> cutsLeft.getAndDecrement() > 0 ? random.nextInt(1, 300) : Integer.MAX_VALUE;
      tryOut(
          budget,
          budget,
          "seed " + seed,
          random.nextInt(1, 8),
          random.nextBoolean()
              ? SessionDouble.Crash.BEFORE_STORED
              : SessionDouble.Crash.BEFORE_CONFIRMED);
    }
  }

  @Test
  void aPodThatIsLateIsMetAtOnceAndItsAbsenceTold() throws IOException {
    var settings = settings("min-backoff = 1h, max-backoff = 1h, absence-notice-after = 200ms");
    try (var session = session("late", settings)) {
      session.input("a");
      session.input("b");
      session.input("c");
      eventually(() -> assertThat(session.text()).contains("pod late can't be reached"));

      try (var pod = pod("late")) {
        eventually(() -> assertThat(pod.inputs()).containsExactly("a", "b", "c"));
        eventually(() -> assertThat(session.text()).endsWith(ALL));
        assertThat(notices(session)).hasSize(1);
      }
    }
  }

  @Test
  void aPodThatVanishesAndReappearsGoesOn() throws IOException {
    var settings = settings("absence-notice-after = 200ms");
    try (var pod = pod("pod");
        var session = session("pod", settings)) {
      session.input("a");
      eventually(() -> assertThat(session.text()).isEqualTo("hello<a>"));

      pod.vanish();
      session.input("b");
      eventually(() -> assertThat(notices(session)).hasSize(1));
      pod.reappear();

      eventually(() -> assertThat(session.text()).endsWith("<b>"));
      session.input("c");
      eventually(() -> assertThat(pod.inputs()).containsExactly("a", "b", "c"));
      eventually(() -> assertThat(session.text()).endsWith("<b><c>"));
      assertThat(notices(session)).hasSize(1);
      assertThat(pod.complaints()).isEmpty();
    }
  }

  @Test
  void nothingIsSentBeforeTheNewTokenIsDurable() throws IOException {
    try (var pod = pod("pod");
        var session = session("pod", SessionDouble.BY_HAND)) {
      session.input("a");
      session.awaitEmit();
      assertThat(pod.connections()).isZero();

      session.confirmAll();
      session.awaitEmit();
      int read = pod.bytesRead();
      await()
          .during(Duration.ofMillis(200))
          .until(() -> pod.bytesRead() == read && pod.inputs().isEmpty());

      session.confirmAll();
      eventually(() -> assertThat(pod.inputs()).containsExactly("a"));
    }
  }

  @Test
  void onlyWhatIsDurableIsAcknowledged() throws IOException {
    try (var pod = pod("pod");
        var session = session("pod", SessionDouble.AT_ONCE)) {
      eventually(() -> assertThat(pod.acknowledged()).isEqualTo(1));
      session.confirmByHand();

      pod.say(bytes("more"), 0);
      session.awaitEmit();
      pod.say(bytes("and more"), Flags.ACK_NOW);
      await().during(Duration.ofMillis(400)).until(() -> pod.acknowledged() == 1);

      session.confirmAutomatically();
      eventually(() -> assertThat(pod.acknowledged()).isEqualTo(3));
    }
  }

  @Test
  void withoutConfirmationThePodHasToWait() throws Exception {
    try (var pod = pod("pod");
        var session = session("pod", SessionDouble.AT_ONCE)) {
      eventually(() -> assertThat(session.text()).isEqualTo("hello"));
      session.confirmByHand();
      byte[] block = new byte[60_000];

      Thread speaker =
          Thread.ofVirtual()
              .start(() -> {
                for (int i = 0; i < 100; i++) {
                  pod.say(block, 0);
                }
              });
      await()
          .during(Duration.ofMillis(300))
          .atMost(Duration.ofSeconds(10))
          .until(() -> session.unconfirmed() == 1);
      assertThat(speaker.join(Duration.ofMillis(200))).isFalse();

      session.confirmAutomatically();
      eventually(() -> assertThat(session.entries()).hasSize(101));
      assertThat(speaker.join(Duration.ofSeconds(5))).isTrue();
      assertThat(pod.connections()).isEqualTo(1);
    }
  }

  @Test
  void theWindowOfThePodIsKept() throws IOException {
    try (var pod = pod("pod")) {
      pod.window(10);
      pod.silent(true);
      try (var session = session("pod", SessionDouble.AT_ONCE)) {
        session.input("12345");
        session.input("67890");
        session.input("x");
        eventually(() -> assertThat(pod.inputs()).containsExactly("12345", "67890"));
        await().during(Duration.ofMillis(200)).until(() -> pod.inputs().size() == 2);

        pod.silent(false);
        pod.send(Frame.of(pod.only().id, 2, FrameType.KEEPALIVE, 0, Fields.none()));

        eventually(() -> assertThat(pod.inputs()).containsExactly("12345", "67890", "x"));
      }
    }
  }

  @Test
  void flagsAreKeptBothWays() throws IOException {
    try (var pod = pod("pod");
        var session = session("pod", SessionDouble.AT_ONCE)) {
      session.input(Bytes.of("{\"type\":\"input\"}"), true, false);
      session.input(Bytes.of("part"), false, true);
      eventually(() -> assertThat(pod.inputs()).hasSize(2));
      assertThat(pod.only().inputFlags).containsExactly(Flags.EVENT, Flags.MORE);

      pod.say(bytes("half"), Flags.MORE);
      pod.say(bytes("{\"type\":\"text\",\"text\":\"hi\"}"), Flags.EVENT);
      pod.say(bytes("{\"type\":\"status\"}"), Flags.EVENT);
      pod.say(bytes("no json"), Flags.EVENT);

      eventually(() -> assertThat(session.entries()).hasSize(7));
      assertThat(session.entries().subList(3, 7))
          .containsExactly(
              Entry.bytes(Bytes.of("half"), true),
              Entry.event("{\"type\":\"text\",\"text\":\"hi\"}", "hi"),
              Entry.event("{\"type\":\"status\"}", ""),
              Entry.bytes(Bytes.of("no json"), false));
    }
  }

  @Test
  void closedEndsTheSessionAlsoAfterACrash() throws IOException {
    try (var pod = pod("pod");
        var session = session("pod", SessionDouble.AT_ONCE)) {
      session.input("a");
      eventually(() -> assertThat(session.text()).isEqualTo("hello<a>"));
      session.confirmByHand();

      pod.disconnect(Code.CLOSED);
      session.awaitEmit();
      session.crash(true);

      assertThat(session.awaitFinish()).isEqualTo("pod pod closed the session: said the pod");
    }
  }

  @Test
  void theEndOfTheSessionEndsThatOfThePodBehindAllInput() throws IOException {
    try (var pod = pod("pod");
        var session = session("pod", SessionDouble.AT_ONCE)) {
      talk(session);
      expectAll(pod, session);
      session.input("last");

      session.stop();

      eventually(() -> assertThat(pod.ended()).containsExactly(Code.CLOSED));
      assertThat(pod.sessions()).isZero();
      assertThat(pod.complaints()).isEmpty();
    }
  }

  @Test
  void aSessionThatMovesOrRestsLeavesThePodsAlone() throws IOException {
    try (var pod = pod("pod")) {
      try (var session = session("pod", SessionDouble.AT_ONCE)) {
        talk(session);
        expectAll(pod, session);
      }
      eventually(() -> assertThat(pod.isAttached()).isFalse());
      assertThat(pod.ended()).isEmpty();
      assertThat(pod.sessions()).isEqualTo(1);
    }
  }

  @Test
  void theEndOfASessionDoesNotWaitForAPodThatReadsNothing() throws IOException {
    try (var pod = pod("pod")) {
      try (var session =
          session("pod", settings("handshake-timeout = 200ms, input-buffer = 8MiB"))) {
        eventually(() -> assertThat(session.text()).isEqualTo("hello"));
        pod.reading(false);
        for (int i = 0; i < 60; i++) {
          session.input("x".repeat(60_000));
        }

        session.stop();

        // The connection is closed all the same, which the pod sees when it writes.
        eventually(() ->
            assertThatThrownBy(() -> pod.say(bytes("still there?"), 0))
                .isInstanceOf(UncheckedIOException.class));
        assertThat(pod.ended()).isEmpty();
      }
      pod.reading(true);
    }
  }

  @Test
  void aPodThatHasForgottenTheSessionGetsANewOneAndTheRestOfTheInput() throws IOException {
    try (var pod = pod("pod");
        var session = session("pod", SessionDouble.AT_ONCE)) {
      session.input("a");
      eventually(() -> assertThat(session.consumed()).isEqualTo(1));
      pod.silent(true);
      session.input("b");
      eventually(() -> assertThat(pod.inputs()).containsExactly("a", "b"));

      pod.forgetSessions();
      pod.silent(false);
      pod.cut();

      eventually(() -> assertThat(pod.inputs()).containsExactly("b"));
      session.input("c");
      eventually(() -> assertThat(session.text()).endsWith("hello<b><c>"));
      assertThat(session.text()).contains("no longer has this session");
      session.crash(true);
      session.input("d");
      eventually(() -> assertThat(pod.inputs()).containsExactly("b", "c", "d"));
      assertThat(pod.complaints()).isEmpty();
    }
  }

  @Test
  void whatOpensThePodsSessionIsNotStoredInClear() throws IOException {
    try (var pod = pod("pod");
        var session = session("pod", SessionDouble.AT_ONCE)) {
      talk(session);
      expectAll(pod, session);

      String stored = session.memo().orElseThrow().json();
      assertThat(pod.keys()).hasSize(2).noneMatch(stored::contains);
      var seal = new SealedText(SECRET);
      String opened = seal.open(new ObjectMapper().readTree(stored).get("keys").asText(), ID).get();
      assertThat(pod.keys()).allMatch(opened::contains);
    }
  }

  @Test
  void whereTheSecretIsAnotherOneANewSessionWithThePodBegins() throws IOException {
    var targets = new ArrayDeque<Target>();
    targets.add(target("pod", settings("")));
    targets.add(
        target(
            "pod",
            settings(""),
            "another secret of the cluster, 40 bytes!!".getBytes(StandardCharsets.UTF_8)));
    var changing =
        new Target() {
          @Override
          public InputStyle inputStyle() {
            return InputStyle.BYTES;
          }

          @Override
          public Behavior<TargetCommand> start(TargetContext life) {
            return targets.remove().start(life);
          }
        };
    try (var pod = pod("pod");
        var session = new SessionDouble(kit, changing, SessionDouble.AT_ONCE)) {
      session.input("a");
      eventually(() -> assertThat(session.consumed()).isEqualTo(1));

      session.crash(true);
      session.input("b");

      eventually(() -> assertThat(session.text()).endsWith("hello<b>"));
      assertThat(session.text()).contains("can't be read; a new one begins");
      assertThat(pod.sessions()).isEqualTo(2);
      assertThat(pod.complaints()).isEmpty();
    }
  }

  @Test
  void aLongWordOfThePodIsShortened() throws IOException {
    try (var pod = pod("pod")) {
      pod.refuseWith(Fields.reason(Code.FORBIDDEN, "\u0001".repeat(60_000)));
      try (var session = session("pod", SessionDouble.AT_ONCE)) {
        assertThat(session.awaitFinish()).contains("FORBIDDEN").hasSizeLessThan(1_000);
      }
    }
  }

  @Test
  void aGapInThePodsOutputIsTold() throws IOException {
    try (var pod = pod("pod");
        var session = session("pod", settings("min-backoff = 1h, max-backoff = 1h"))) {
      eventually(() -> assertThat(session.text()).isEqualTo("hello"));
      pod.vanish();
      pod.say(bytes("2"), 0);
      pod.say(bytes("3"), 0);
      pod.say(bytes("4"), 0);
      pod.forgetOutputBefore(4);

      pod.reappear();

      eventually(() -> assertThat(session.text()).endsWith("4"));
      assertThat(session.text()).contains("no longer has its output 2 to 3");
    }
  }

  @Test
  void aPodThatLostInputWhichItAcknowledgedEndsTheSession() throws IOException {
    try (var pod = pod("pod");
        var session = session("pod", SessionDouble.AT_ONCE)) {
      session.input("a");
      eventually(() -> assertThat(session.consumed()).isEqualTo(1));

      pod.forgetInput();
      pod.cut();

      assertThat(session.awaitFinish()).contains("has lost input that it had acknowledged");
    }
  }

  @Test
  void anotherClientsTakeOverIsNotFoughtOver() throws IOException {
    try (var pod = pod("pod");
        var session = session("pod", SessionDouble.AT_ONCE)) {
      eventually(() -> assertThat(session.text()).isEqualTo("hello"));

      pod.disconnect(Code.TAKEN_OVER);

      eventually(() -> assertThat(session.text()).contains("another client has taken"));
      int before = pod.connections();
      await().during(Duration.ofMillis(300)).until(() -> pod.connections() == before);
      session.input("a");
      eventually(() -> assertThat(session.text()).endsWith("<a>"));
    }
  }

  @Test
  void aRefusalOfTheFirstConnectEndsTheSessionWithThePodsText() throws IOException {
    try (var pod = pod("pod")) {
      pod.refuseWith(Fields.reason(Code.FORBIDDEN, "not you"));
      try (var session = session("pod", SessionDouble.AT_ONCE)) {
        assertThat(session.awaitFinish()).contains("FORBIDDEN").contains("not you");
      }
    }
  }

  @Test
  void anOverloadedPodIsTriedAgainWhenItSays() throws IOException {
    try (var pod = pod("pod")) {
      pod.refuseWith(Fields.builder().code(Code.OVERLOADED).retryAfterMs(300).build());
      try (var session = session("pod", SessionDouble.AT_ONCE)) {
        eventually(() -> assertThat(pod.connectedAt()).hasSizeGreaterThan(1));
        pod.refuseWith(null);

        talk(session);
        expectAll(pod, session);
        List<Long> at = pod.connectedAt();
        assertThat(Duration.ofNanos(at.get(1) - at.get(0))).isGreaterThan(Duration.ofMillis(300));
      }
    }
  }

  @ParameterizedTest
  @EnumSource(
      value = Code.class,
      names = {
        "SHUTTING_DOWN",
        "MOVED",
        "PROTOCOL_ERROR",
        "BAD_CHECKSUM",
        "SEQUENCE_GAP",
        "INTERNAL"
      })
  void afterPassingTroubleTheSessionGoesOn(Code code) throws IOException {
    try (var pod = pod("pod");
        var session = session("pod", SessionDouble.AT_ONCE)) {
      session.input("a");
      eventually(() -> assertThat(session.text()).isEqualTo("hello<a>"));

      pod.disconnect(code);
      session.input("b");
      session.input("c");

      expectAll(pod, session);
    }
  }

  @Test
  void aSilentPodIsGivenUpAndASpeakingOneKept() throws IOException {
    try (var pod = pod("pod")) {
      pod.keepaliveMs(200);
      try (var session = session("pod", SessionDouble.AT_ONCE)) {
        eventually(() -> assertThat(pod.connections()).isGreaterThan(2));

        session.input("a");
        eventually(() -> assertThat(session.text()).isEqualTo("hello<a>"));
        int before = pod.connections();
        await()
            .during(Duration.ofMillis(1_500))
            .atMost(Duration.ofSeconds(10))
            .pollInterval(Duration.ofMillis(50))
            .until(() -> {
              pod.send(Frame.of(pod.only().id, 1, FrameType.KEEPALIVE, 0, Fields.none()));
              return pod.connections() <= before + 1;
            });
        assertThat(pod.complaints()).isEmpty();
      }
    }
  }

  @Test
  void signsOfLifeAreSentToThePod() throws IOException {
    try (var pod = pod("pod")) {
      pod.keepaliveMs(1_000);
      try (var session = session("pod", SessionDouble.AT_ONCE)) {
        eventually(() -> assertThat(pod.acknowledged()).isEqualTo(1));
        int before = pod.bytesRead();

        eventually(
            () -> assertThat(pod.bytesRead()).isGreaterThanOrEqualTo(before + 2 * Frame.OVERHEAD));
        assertThat(pod.connections()).isEqualTo(1);
        assertThat(session.finishText()).isNull();
      }
    }
  }

  @Test
  void aPodThatBreaksTheProtocolIsLeftAndMetAgain() throws IOException {
    try (var pod = pod("pod");
        var session = session("pod", SessionDouble.AT_ONCE)) {
      eventually(() -> assertThat(session.text()).isEqualTo("hello"));

      pod.send(Frame.of(pod.only().id, 99, FrameType.KEEPALIVE, 0, Fields.none()));
      session.input("a");
      eventually(() -> assertThat(session.text()).isEqualTo("hello<a>"));
      pod.send(Frame.of(pod.only().id + 1, 3, FrameType.DATA, 0, bytes("not ours")));
      pod.send(Frame.of(pod.only().id, 77, FrameType.DATA, 0, bytes("a hole before it")));
      session.input("b");
      session.input("c");

      expectAll(pod, session);
      assertThat(meters.counter("clawterm.edge.pod.violations").count()).isEqualTo(2);
    }
  }

  @Test
  void aPodThatDoesNotReadGetsABoundedAmount() throws IOException {
    try (var pod = pod("pod");
        var session = session("pod", SessionDouble.AT_ONCE)) {
      eventually(() -> assertThat(pod.acknowledged()).isEqualTo(1));
      pod.reading(false);
      for (int i = 0; i < 200; i++) {
        session.input("x".repeat(10_000));
      }
      pod.reading(true);

      eventually(() -> assertThat(session.consumed()).isEqualTo(200));
      assertThat(pod.inputs()).hasSize(200);
      assertThat(pod.complaints()).isEmpty();
    }
  }

  /** The bytes to and from the pod of a talk without any loss. */
  private int[] measure() throws IOException {
    String name = "measure" + pods++;
    try (var pod = pod(name);
        var session = session(name, SessionDouble.AT_ONCE)) {
      talk(session);
      expectAll(pod, session);
      eventually(() -> assertThat(pod.acknowledged()).isEqualTo(4));
      return new int[] {pod.bytesRead(), pod.bytesWritten()};
    }
  }

  private void tryOut(
      IntSupplier read,
      IntSupplier write,
      String what,
      int crashAt,
      SessionDouble.@org.jspecify.annotations.Nullable Crash crash)
      throws IOException {
    String name = "p" + pods++;
    try (var pod = pod(name).budgets(read, write);
        var session = session(name, SessionDouble.BY_HAND)) {
      if (crash != null) {
        session.crashAt(crashAt, crash);
      }
      session.confirmAutomatically();
      talk(session);
      await(what)
          .pollInterval(Duration.ofMillis(2))
          .atMost(Duration.ofSeconds(20))
          .untilAsserted(() -> {
            assertThat(pod.inputs()).containsExactly("a", "b", "c");
            assertThat(session.text()).isEqualTo(ALL);
            assertThat(session.consumed()).isEqualTo(3);
          });
      assertThat(pod.complaints()).as(what).isEmpty();
      assertThat(pod.sessions()).as(what).isEqualTo(1);
    }
  }

  private static IntSupplier once(int bytes) {
    var first = new AtomicInteger(bytes);
    return () -> first.getAndSet(Integer.MAX_VALUE);
  }

  private static void talk(SessionDouble session) {
    session.input("a");
    session.input("b");
    session.input("c");
  }

  private static void expectAll(PodDouble pod, SessionDouble session) {
    eventually(() -> {
      assertThat(pod.inputs()).containsExactly("a", "b", "c");
      assertThat(session.text()).isEqualTo(ALL);
      assertThat(session.consumed()).isEqualTo(3);
    });
    assertThat(pod.complaints()).isEmpty();
  }

  private static List<Entry> notices(SessionDouble session) {
    return session.entries().stream()
        .filter(entry -> entry.body().utf8().contains("\"notice\""))
        .toList();
  }

  private static void eventually(ThrowingRunnable assertion) {
    await()
        .pollInterval(Duration.ofMillis(5))
        .atMost(Duration.ofSeconds(15))
        .untilAsserted(assertion);
  }

  private static byte[] bytes(String text) {
    return text.getBytes(StandardCharsets.UTF_8);
  }

  PodDouble pod(String name) throws IOException {
    return new PodDouble(folder.resolve("s").resolve(name + ".sock"));
  }

  final SessionDouble session(String pod, boolean automatic) {
    return new SessionDouble(kit, target(pod, settings("")), automatic);
  }

  private SessionDouble session(String pod, PodSettings settings) {
    return new SessionDouble(kit, target(pod, settings), SessionDouble.AT_ONCE);
  }

  private Target target(String pod, PodSettings settings) {
    return target(pod, settings, SECRET);
  }

  private Target target(String pod, PodSettings settings, byte[] secret) {
    Found found =
        new PodTarget.Factory(settings, all, secret, meters).find(Principal.LOCAL, "pod:" + pod);
    return ((Found.Available) found).target();
  }

  private PodSettings settings(String overrides) {
    return settings(folder.resolve("s"), overrides);
  }

  static PodSettings settings(Path folder, String overrides) {
    return PodSettings.from(
        ConfigFactory.parseString(
                """
                clawterm.pods {
                  folder = "%s"
                  min-backoff = 2ms
                  max-backoff = 50ms
                  absence-notice-after = 1m
                  acknowledge-after = 20ms
                  %s
                }
                """
                    .formatted(folder, overrides))
            .withFallback(ConfigFactory.defaultReference())
            .resolve()
            .getConfig("clawterm.pods"));
  }
}
