package io.clawterm.agent;

import static org.assertj.core.api.Assertions.assertThat;

import akka.actor.testkit.typed.javadsl.ActorTestKit;
import akka.stream.javadsl.AsPublisher;
import akka.stream.javadsl.JavaFlowSupport;
import akka.stream.javadsl.Source;
import io.clawterm.api.AgentFunction;
import io.clawterm.config.Secret;
import io.clawterm.model.AnthropicProvider;
import io.clawterm.model.Continuation;
import io.clawterm.model.ModelChoice;
import io.clawterm.model.ModelProvider;
import io.clawterm.model.ModelSettings;
import io.clawterm.model.OllamaProvider;
import io.clawterm.model.OpenAiProvider;
import io.clawterm.testkit.Ending;
import io.clawterm.testkit.ReceivedRequest;
import io.clawterm.testkit.ReceivedTurn;
import io.clawterm.testkit.Script;
import io.clawterm.testkit.ScriptedModelServer;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Flow;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;

/** Conversations with scripted models over real sessions: whole, cut, and refused. */
class ConversationTest {

  private static final ActorTestKit KIT = AgentSession.kit();
  private static final AgentSettings SETTINGS =
      new AgentSettings(100_000, 100, 3, Duration.ofMillis(10), 10, "");
  private static final int MAX_ANSWER = 2_000_000;
  private static final String COUNTED = "1 2 3 4 5 6";

  private ScriptedModelServer server =
      ScriptedModelServer.start(Script.counted(6).withChunkDelay(Duration.ofMillis(2)));

  @AfterAll
  static void stop() {
    KIT.shutdownTestKit();
  }

  @AfterEach
  void closeServer() {
    server.close();
  }

  /** The dialects, and with them the ways in which an answer goes on. */
  enum Dialect {
    OPENAI,
    ANTHROPIC,
    OLLAMA
  }

  private ModelProvider provider(Dialect dialect, int maxAnswer) {
    var settings =
        new ModelSettings(
            "",
            "a",
            "b",
            100,
            Duration.ofSeconds(5),
            Duration.ofSeconds(5),
            Duration.ofMillis(700),
            Duration.ofSeconds(1),
            1 << 20,
            1 << 20,
            maxAnswer);
    return switch (dialect) {
      case OPENAI ->
          new OpenAiProvider(KIT.system(), settings, server.openAiBaseUrl(), new Secret("k"));
      case ANTHROPIC ->
          new AnthropicProvider(KIT.system(), settings, server.anthropicBaseUrl(), new Secret("k"));
      case OLLAMA -> new OllamaProvider(KIT.system(), settings, "127.0.0.1:" + server.port());
    };
  }

  private AgentSession session(Dialect dialect, int maxAnswer) {
    var chosen = new ModelChoice.Chosen(provider(dialect, maxAnswer), "m");
    Agent agent =
        Agents.asking(() -> CompletableFuture.completedFuture(chosen), Optional.of("be brief"));
    return new AgentSession(KIT, agent, SETTINGS);
  }

  private List<ReceivedTurn> turns(int request) {
    return server.requests().get(request - 1).turns();
  }

  private static ReceivedTurn user(String text) {
    return new ReceivedTurn("user", text);
  }

  private static ReceivedTurn assistant(String text) {
    return new ReceivedTurn("assistant", text);
  }

  @ParameterizedTest
  @EnumSource(Dialect.class)
  void theSecondQuestionCarriesTheFirstAndItsAnswer(Dialect dialect) {
    server.always(Script.echo());
    AgentSession session = session(dialect, MAX_ANSWER).connect().say("how are you");
    session.until(() -> session.ended() == 1);
    session.say("and now");
    session.until(() -> session.ended() == 2);
    session.crash();
    session.say("after a crash");
    session.until(() -> session.ended() == 3);

    assertThat(Runs.of(session.shown).all())
        .extracting(Runs.Run::text)
        .containsExactly("how are you", "and now", "after a crash");
    assertThat(server.requests()).hasSize(3);
    assertThat(server.requests().getFirst().system()).isEqualTo("be brief");
    assertThat(turns(3))
        .containsExactly(
            user("how are you"),
            assistant("how are you"),
            user("and now"),
            assistant("and now"),
            user("after a crash"));
  }

  @ParameterizedTest
  @CsvSource({
    "OPENAI, WRITE_FAILS", "OPENAI, WRITE_LANDS", "ANTHROPIC, WRITE_FAILS",
    "ANTHROPIC, WRITE_LANDS", "OLLAMA, WRITE_FAILS", "OLLAMA, WRITE_LANDS"
  })
  void aCrashAtAnyCommitLosesAndDoublesNothing(Dialect dialect, AgentSession.Crash crash) {
    int commit = 0;
    boolean crashed = true;
    int seams = 0;
    while (crashed) {
      server.close();
      server = ScriptedModelServer.start(Script.counted(6).withChunkDelay(Duration.ofMillis(2)));
      int at = ++commit;
      AgentSession session = session(dialect, MAX_ANSWER);
      session.crashAt(n -> n == at, crash);
      session.connect().say("one").say("two");
      session.until(() -> session.ended() == 2);
      crashed = session.crashes.get() == 1;

      Runs runs = Runs.of(session.shown);
      assertThat(runs.all())
          .as("crash at commit %s, log %s", at, session.texts())
          .extracting(Runs.Run::text)
          .containsExactly(COUNTED, COUNTED);
      assertThat(runs.all()).extracting(Runs.Run::outcome).containsOnly("done");
      assertThat(runs.all()).extracting(Runs.Run::answers).doesNotHaveDuplicates();
      assertThat(server.requests()).hasSizeBetween(2, 3);
      judgeRequests(dialect, runs);
      seams += runs.seams() + runs.retracts();
    }
    assertThat(commit).isGreaterThan(6);
    assertThat(seams).isPositive();
  }

  private void judgeRequests(Dialect dialect, Runs runs) {
    boolean goesOn = provider(dialect, MAX_ANSWER).continuation() == Continuation.PREFIX;
    assertThat(goesOn ? runs.retracts() : runs.seams()).isZero();
    int continued = 0;
    for (ReceivedRequest request : server.requests()) {
      ReceivedTurn last = request.turns().getLast();
      if (last.role().equals("assistant")) {
        continued++;
        assertThat(COUNTED).startsWith(last.text());
        assertThat(last.text()).isNotEmpty();
      }
    }
    assertThat(continued).isEqualTo(runs.seams());
  }

  @Test
  void anAnswerThatGoesOnSurvivesACrashAtEveryFifthCommit() {
    server.always(Script.counted(60).withChunkDelay(Duration.ofMillis(3)));
    AgentSession session = session(Dialect.OLLAMA, MAX_ANSWER);
    session.crashAt(n -> n % 7 == 0, AgentSession.Crash.WRITE_FAILS);
    session.connect().say("one");

    session.until(() -> session.ended() == 1);

    Runs.Run run = Runs.of(session.shown).all().getFirst();
    assertThat(run.outcome()).isEqualTo("done");
    assertThat(run.text()).startsWith("1 2 3 ").endsWith(" 59 60").hasSize(9 * 2 + 51 * 3 - 1);
    assertThat(session.crashes).hasValueGreaterThan(3);
  }

  @Test
  void anAnswerThatStartsAgainIsGivenUpInTheEnd() {
    server.always(Script.counted(60).withChunkDelay(Duration.ofMillis(3)));
    AgentSession session = session(Dialect.OPENAI, MAX_ANSWER);
    session.crashAt(n -> n > 3 && n % 6 == 0, AgentSession.Crash.WRITE_FAILS);
    session.connect().say("one");

    session.until(() -> session.ended() == 1);

    assertThat(server.requests()).hasSizeLessThanOrEqualTo(SETTINGS.maxAttempts());
    assertThat(session.texts().getLast()).contains("cut off 3 times");
  }

  @ParameterizedTest
  @CsvSource({"429", "529", "500", "503"})
  void aPassingRefusalIsTriedAgain(int status) {
    server.next(Script.refuse(status, Map.of("retry-after", "0"), ""));
    AgentSession session = session(Dialect.ANTHROPIC, MAX_ANSWER).connect().say("hi");

    session.until(() -> session.ended() == 1);

    assertThat(Runs.of(session.shown).all().getFirst()).isEqualTo(new Runs.Run(1, COUNTED, "done"));
    assertThat(session.texts()).anyMatch(text -> text.contains("next attempt in 0.0"));
    assertThat(server.requests()).hasSize(2);
  }

  @Test
  void aProviderNamesItsOwnWait() {
    server.next(Script.refuse(429, Map.of("retry-after", "1"), ""));
    AgentSession session = session(Dialect.OPENAI, MAX_ANSWER).connect().say("hi");

    session.until(() -> session.ended() == 1);

    List<ReceivedRequest> requests = server.requests();
    assertThat(Duration.between(requests.get(0).at(), requests.get(1).at()))
        .isGreaterThanOrEqualTo(Duration.ofMillis(990));
  }

  @ParameterizedTest
  @CsvSource({"401", "400", "404"})
  void aLastingRefusalEndsTheRun(int status) {
    server.next(Script.refuse(status));
    AgentSession session = session(Dialect.OPENAI, MAX_ANSWER).connect().say("hi");

    session.until(() -> session.ended() == 1);

    assertThat(session.texts().getLast()).contains("\"outcome\":\"failed\"").contains("" + status);
    assertThat(server.requests()).hasSize(1);
  }

  @ParameterizedTest
  @EnumSource(Dialect.class)
  void aCutOrStallOrSilentEndIsMendedByAnotherAttempt(Dialect dialect) {
    for (Ending ending :
        List.of(new Ending.CutAfter(3), new Ending.StallAfter(3), new Ending.EndAfter(3))) {
      server.next(Script.counted(6).endingWith(ending));
      AgentSession session = session(dialect, MAX_ANSWER).connect().say("hi");

      session.until(() -> session.ended() == 1);

      assertThat(Runs.of(session.shown).all().getFirst())
          .as("%s", session.texts())
          .isEqualTo(new Runs.Run(1, COUNTED, "done"));
    }
  }

  @ParameterizedTest
  @EnumSource(Dialect.class)
  void aModelThatNeverComesToItsEndIsGivenUpVisibly(Dialect dialect) {
    server.always(Script.counted(6).cutAfter(2));
    AgentSession session = session(dialect, MAX_ANSWER).connect().say("hi");

    session.until(() -> session.ended() == 1);

    assertThat(session.texts().getLast()).contains("\"outcome\":\"failed\"");
    assertThat(server.requests()).hasSize(SETTINGS.maxAttempts());
  }

  @ParameterizedTest
  @EnumSource(Dialect.class)
  void anAnswerOutOfFormatEndsTheRun(Dialect dialect) {
    server.always(Script.counted(6).invalidJsonAfter(3));
    AgentSession session = session(dialect, MAX_ANSWER).connect().say("hi");

    session.until(() -> session.ended() == 1);

    assertThat(session.texts().getLast())
        .contains("\"outcome\":\"failed\"")
        .contains("not in its format");
  }

  @Test
  void anAnswerBeyondTheLimitEndsTheRun() {
    server.always(Script.filler(10_000_000));
    AgentSession session = session(Dialect.OPENAI, MAX_ANSWER).connect().say("hi");

    session.until(() -> session.ended() == 1);

    assertThat(session.texts().getLast())
        .contains("\"outcome\":\"failed\"")
        .contains("beyond the limit");
  }

  @Test
  void anAnswerOfTenMegabytesIsWhole() {
    server.always(Script.filler(10_000_000));
    AgentSession session = session(Dialect.OPENAI, 20_000_000).connect().say("hi");

    session.until(() -> session.ended() == 1);

    Runs.Run run = Runs.of(session.shown).all().getFirst();
    assertThat(run.outcome()).isEqualTo("done");
    assertThat(run.text().length()).isGreaterThanOrEqualTo(10_000_000);
  }

  @Test
  void anAnswerOutOfTokensSaysSo() {
    server.always(Script.counted(6).endingWith(new Ending.OutOfTokens()));
    AgentSession session = session(Dialect.OPENAI, MAX_ANSWER).connect().say("hi");

    session.until(() -> session.ended() == 1);

    assertThat(session.texts().getLast()).contains("\"stop\":\"length\"");
  }

  @Test
  void aLifeThatFailsIsFollowedByAnother() {
    var failures = new AtomicInteger();
    var chosen = new ModelChoice.Chosen(provider(Dialect.OPENAI, MAX_ANSWER), "m");
    Agent agent =
        Agents.asking(
            () -> {
              if (failures.getAndIncrement() == 0) {
                throw new IllegalStateException("a fault of the host");
              }
              return CompletableFuture.completedFuture(chosen);
            },
            Optional.empty());
    AgentSession session = new AgentSession(KIT, agent, SETTINGS).connect().say("hi");

    session.until(() -> session.ended() == 1);

    assertThat(Runs.of(session.shown).all()).containsExactly(new Runs.Run(1, COUNTED, "done"));
  }

  @Test
  void aFunctionIsAskedWithTheConversation() {
    AgentFunction function =
        request ->
            pieces(request.conversation().size() + " " + request.text() + " \ud83d", "\ude00");
    AgentSession session =
        new AgentSession(KIT, Agents.function(function), SETTINGS).connect().say("hi").say("you");

    session.until(() -> session.ended() == 2);

    assertThat(Runs.of(session.shown).all())
        .extracting(Runs.Run::text)
        .containsExactly("1 hi \ud83d\ude00", "3 you \ud83d\ude00");
  }

  private static Flow.Publisher<String> pieces(String... pieces) {
    return Source.from(List.of(pieces))
        .runWith(JavaFlowSupport.Sink.asPublisher(AsPublisher.WITHOUT_FANOUT), KIT.system());
  }

  @Test
  void aFunctionThatThrowsEndsTheRunVisibly() {
    AgentFunction function =
        request -> {
          throw new IllegalStateException("x".repeat(200_000));
        };
    AgentSession session =
        new AgentSession(KIT, Agents.function(function), SETTINGS).connect().say("hi");

    session.until(() -> session.ended() == 1);

    assertThat(session.texts().getLast())
        .contains("\"outcome\":\"failed\"")
        .contains("the agent failed: xxx");
  }
}
