package io.clawterm.testkit;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.clawterm.testkit.Dialect.Reply;
import io.clawterm.testkit.ReceivedRequest.Outcome;
import java.io.BufferedInputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Queue;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;

/**
 * A server on loopback that plays model providers: Chat Completions at {@code
 * /v1/chat/completions}, Messages at {@code /v1/messages}, Ollama's list of models at {@code
 * /api/tags}. What it answers is a {@link Script}; what it was asked, and how each answer ended, it
 * keeps for {@link #requests()}.
 *
 * <p>It answers one request a connection, and is safe for use by several threads. A conversation
 * that ends with the assistant's text is gone on from under Chat Completions, as Ollama and vLLM do
 * it, and refused under Messages, as new Claude models do it.
 */
public final class ScriptedModelServer implements AutoCloseable {

  private static final Conversation NOTHING = new Conversation("", List.of(), "", false);
  private static final Set<String> CREDENTIALS =
      Set.of("authorization", "x-api-key", "api-key", "proxy-authorization", "cookie");

  private final ServerSocket listener;
  private final Map<String, Dialect> dialects =
      Map.of("/v1/chat/completions", new OpenAiDialect(), "/v1/messages", new AnthropicDialect());
  private final Set<Socket> sockets = ConcurrentHashMap.newKeySet();
  private final List<ScriptedExchange> exchanges = new ArrayList<>();
  private final Queue<Script> next = new ArrayDeque<>();
  private Script always;
  private List<String> models = List.of();
  private String key = "";

  private ScriptedModelServer(ServerSocket listener, Script always) {
    this.listener = listener;
    this.always = always;
  }

  /**
   * Runs a server until the process is ended. Arguments, in any order: {@code port=8080}, {@code
   * delay=50} (milliseconds before each chunk), {@code key=secret}, {@code ollama=NAME} (a model
   * for {@code /api/tags}), {@code count=1000} (count instead of repeating the question).
   */
  public static void main(String[] arguments) throws InterruptedException {
    int port = 0;
    Script script = Script.echo();
    Duration delay = Duration.ofMillis(50);
    String key = "";
    String ollama = "";
    for (String argument : arguments) {
      String[] parts = argument.split("=", 2);
      String value = parts.length == 2 ? parts[1] : "";
      switch (parts[0]) {
        case "port" -> port = Integer.parseInt(value);
        case "delay" -> delay = Duration.ofMillis(Long.parseLong(value));
        case "key" -> key = value;
        case "ollama" -> ollama = value;
        case "count" -> script = Script.counted(Integer.parseInt(value));
        default -> throw new IllegalArgumentException("not known: " + argument);
      }
    }
    try (ScriptedModelServer server = start(port, script.withChunkDelay(delay)).requireKey(key)) {
      if (!ollama.isEmpty()) {
        server.withOllamaModels(ollama);
      }
      System.getLogger(ScriptedModelServer.class.getName())
          .log(
              System.Logger.Level.INFO,
              "OPENAI_BASE_URL={0} ANTHROPIC_BASE_URL={1} OLLAMA_HOST={1}",
              server.openAiBaseUrl(),
              server.anthropicBaseUrl());
      Thread.currentThread().join();
    }
  }

  /** Starts a server on a free port that answers each request by this script. */
  public static ScriptedModelServer start(Script always) {
    return start(0, always);
  }

  /** Starts a server on a port of loopback; 0 means a free one. */
  public static ScriptedModelServer start(int port, Script always) {
    try {
      var listener = new ServerSocket();
      listener.bind(new InetSocketAddress(InetAddress.getLoopbackAddress(), port));
      var server = new ScriptedModelServer(listener, always);
      Thread.startVirtualThread(server::accept);
      return server;
    } catch (IOException e) {
      throw new UncheckedIOException("no scripted model server on port " + port, e);
    }
  }

  /** Answers the next requests by these scripts, in order, before the usual one again. */
  public synchronized ScriptedModelServer next(Script... scripts) {
    next.addAll(List.of(scripts));
    return this;
  }

  /** How many scripts of {@link #next} are still to be played. */
  public synchronized int due() {
    return next.size();
  }

  /** Forgets those scripts. */
  public synchronized void forgetDue() {
    next.clear();
  }

  /** Answers by this script from now on, wherever no other is due. */
  public synchronized ScriptedModelServer always(Script script) {
    always = script;
    return this;
  }

  /** Refuses requests for answers that carry another key; with an empty one, none is asked for. */
  public synchronized ScriptedModelServer requireKey(String required) {
    key = required;
    return this;
  }

  /** Names the models that {@code /api/tags} lists; none at first. */
  public synchronized ScriptedModelServer withOllamaModels(String... names) {
    models = List.of(names);
    return this;
  }

  /** The port it listens on. */
  public int port() {
    return listener.getLocalPort();
  }

  /** The server's address without a path, such as {@code http://127.0.0.1:40001}. */
  public String url() {
    return "http://127.0.0.1:" + port();
  }

  /** What goes into {@code OPENAI_BASE_URL}. */
  public String openAiBaseUrl() {
    return url() + "/v1";
  }

  /** What goes into {@code ANTHROPIC_BASE_URL}. */
  public String anthropicBaseUrl() {
    return url();
  }

  /** All requests until now, in the order of their numbers. */
  public synchronized List<ReceivedRequest> requests() {
    return exchanges.stream().map(ScriptedExchange::record).toList();
  }

  /** Cuts what is under way and frees the port. */
  @Override
  public void close() {
    try {
      listener.close();
      List<ScriptedExchange> all;
      synchronized (this) {
        all = List.copyOf(exchanges);
      }
      for (ScriptedExchange exchange : all) {
        exchange.cut();
      }
      for (Socket socket : sockets) {
        socket.close();
      }
    } catch (IOException e) {
      throw new UncheckedIOException("closing the scripted model server", e);
    }
  }

  private void accept() {
    while (!listener.isClosed()) {
      try {
        Socket socket = listener.accept();
        sockets.add(socket);
        Thread.startVirtualThread(() -> serve(socket));
      } catch (IOException e) {
        // accept() fails when the listener is closed; any other failure shows as no connection.
        return;
      }
    }
  }

  private void serve(Socket socket) {
    try (socket) {
      if (listener.isClosed()) {
        return;
      }
      socket.setTcpNoDelay(true);
      Optional<HttpMessage> request =
          HttpMessage.read(new BufferedInputStream(socket.getInputStream()));
      if (request.isPresent()) {
        answer(socket, request.get());
      }
    } catch (IOException e) {
      // The client is gone, which the exchange has noted.
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    } finally {
      sockets.remove(socket);
    }
  }

  private void answer(Socket socket, HttpMessage request) throws IOException, InterruptedException {
    Dialect dialect = dialects.get(path(request));
    if (dialect == null) {
      answerOther(begin(socket, request, NOTHING), request);
      return;
    }
    Conversation conversation;
    try {
      conversation = dialect.read(request);
    } catch (BadRequestException e) {
      begin(socket, request, NOTHING)
          .refuse(e.status(), Map.of(), dialect.errorBody(e.status(), e.problem()));
      return;
    }
    ScriptedExchange exchange = begin(socket, request, conversation);
    if (!accepts(dialect.key(request))) {
      exchange.refuse(401, Map.of(), dialect.errorBody(401, "invalid key"));
      return;
    }
    play(exchange, dialect, conversation, nextScript());
  }

  private static String path(HttpMessage request) {
    return request.path().split("\\?", 2)[0];
  }

  private synchronized boolean accepts(Optional<String> given) {
    return key.isEmpty() || given.equals(Optional.of(key));
  }

  private synchronized Script nextScript() {
    Script script = next.poll();
    return script == null ? always : script;
  }

  private void answerOther(ScriptedExchange exchange, HttpMessage request) throws IOException {
    if (path(request).equals("/api/tags") && request.method().equals("GET")) {
      exchange.json(tags());
    } else {
      exchange.refuse(404, Map.of(), "{\"error\":\"no such path on this scripted server\"}");
    }
  }

  private synchronized String tags() {
    ObjectNode body = Dialect.JSON.createObjectNode();
    ArrayNode list = body.putArray("models");
    for (String name : models) {
      list.addObject()
          .put("name", name)
          .put("model", name)
          .put("modified_at", "2026-11-01T00:00:00Z")
          .put("size", 1_000_000_000L)
          .putObject("details")
          .put("format", "gguf")
          .put("family", name.contains("embed") ? "nomic-bert" : "llama");
    }
    return body.toString();
  }

  private static void play(
      ScriptedExchange exchange, Dialect dialect, Conversation conversation, Script script)
      throws IOException, InterruptedException {
    if (!exchange.pause(script.firstByteDelay())) {
      return;
    }
    if (script.ending() instanceof Ending.Refuse(int status, var headers, String body)) {
      String shown = body.isEmpty() ? dialect.errorBody(status, "scripted " + status) : body;
      exchange.refuse(status, headers, shown);
      return;
    }
    var reply =
        new Reply(
            "scripted" + exchange.record().number(),
            exchange.record().at().getEpochSecond(),
            conversation,
            !script.thinking().isEmpty());
    exchange.stream(dialect, reply, script, texts(dialect, conversation, script.speech()));
  }

  private static List<String> texts(Dialect dialect, Conversation conversation, Speech speech) {
    if (!dialect.continuesPrefix() || !conversation.endsWithAssistant()) {
      return speech.chunks(conversation.turns());
    }
    List<ReceivedTurn> turns = conversation.turns();
    String prefix = turns.getLast().text();
    return after(prefix, speech.chunks(turns.subList(0, turns.size() - 1)));
  }

  /** What of the chunks comes after the prefix; all of them where they don't begin with it. */
  private static List<String> after(String prefix, List<String> chunks) {
    List<String> rest = new ArrayList<>();
    int position = 0;
    for (String chunk : chunks) {
      int inPrefix = Math.min(chunk.length(), prefix.length() - position);
      if (!prefix.startsWith(chunk.substring(0, inPrefix), position)) {
        return chunks;
      }
      position += inPrefix;
      if (inPrefix < chunk.length()) {
        rest.add(chunk.substring(inPrefix));
      }
    }
    return position == prefix.length() ? rest : chunks;
  }

  private ScriptedExchange begin(Socket socket, HttpMessage request, Conversation conversation)
      throws IOException {
    ScriptedExchange exchange;
    synchronized (this) {
      exchange =
          new ScriptedExchange(
              socket,
              new ReceivedRequest(
                  exchanges.size() + 1,
                  Instant.now(),
                  request.method(),
                  request.path(),
                  masked(request.headers()),
                  conversation.model(),
                  conversation.turns(),
                  conversation.system(),
                  0,
                  new Outcome.Running()));
      exchanges.add(exchange);
    }
    Thread.startVirtualThread(exchange::watch);
    return exchange;
  }

  private static Map<String, String> masked(Map<String, String> headers) {
    Map<String, String> masked = new LinkedHashMap<>(headers);
    masked.replaceAll((name, value) -> CREDENTIALS.contains(name) ? "***" : value);
    return masked;
  }
}
