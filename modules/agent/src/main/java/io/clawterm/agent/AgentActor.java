package io.clawterm.agent;

import akka.actor.typed.Behavior;
import akka.actor.typed.PostStop;
import akka.actor.typed.Signal;
import akka.actor.typed.javadsl.AbstractOnMessageBehavior;
import akka.actor.typed.javadsl.ActorContext;
import akka.actor.typed.javadsl.Behaviors;
import akka.actor.typed.javadsl.TimerScheduler;
import akka.stream.javadsl.Sink;
import akka.stream.javadsl.SinkQueueWithCancel;
import io.clawterm.model.Continuation;
import io.clawterm.model.ModelChoice;
import io.clawterm.model.ModelChunk;
import io.clawterm.model.ModelException;
import io.clawterm.model.ModelRequest;
import io.clawterm.model.Role;
import io.clawterm.model.Turn;
import io.clawterm.session.Entries;
import io.clawterm.session.Entry;
import io.clawterm.session.SessionCommand;
import io.clawterm.session.TargetCommand;
import io.clawterm.session.TargetContext;
import io.clawterm.telemetry.TraceContext;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.Set;
import java.util.concurrent.CompletionException;
import java.util.concurrent.ThreadLocalRandom;
import java.util.function.Supplier;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.slf4j.spi.LoggingEventBuilder;

/**
 * One life of an agent behind a session: messages in, one run at a time, text out.
 *
 * <p>A run is stored before it acts: an entry that it has started, with the input that it consumes
 * and a memo that it is open, in one commit. Only then is the model asked. What the model says goes
 * to the log in commits of what has come during the commit before, and only the last commit of a
 * run closes the memo. So a life that finds an open memo knows that its run was cut, and by what
 * the log holds of it how far: it goes on from there where the model can, and else takes back what
 * stands and asks again (design, "log, cursor, step").
 */
final class AgentActor extends AbstractOnMessageBehavior<TargetCommand> {

  private static final Logger LOG = LoggerFactory.getLogger(AgentActor.class);

  /** Text that may wait for a commit before the model's stream is held back. */
  private static final int MAX_WAITING_CHARS = 65_536;

  /** Input behind an unfinished message; a session holds back its devices at twice as much. */
  private static final int MAX_HELD_BYTES = 524_288;

  private sealed interface Self extends TargetCommand.Own {
    record ModelChosen(long run, ModelChoice choice) implements Self {}

    record ModelNotChosen(long run, Throwable cause) implements Self {}

    record Chunk(long run, ModelChunk chunk) implements Self {}

    record StreamEnded(long run, Optional<Throwable> failure) implements Self {}

    record TryAgain(long run) implements Self {}

    record AskAgain(long run, ModelChoice.Chosen choice) implements Self {}
  }

  /** A message on its way to its run: the entries that it stands in, the frames that it came in. */
  private static final class Message {
    private final long first;
    private final Optional<TraceContext> trace;
    private long last;
    private final List<Long> frames = new ArrayList<>();

    private Message(long first, Optional<TraceContext> trace) {
      this.first = first;
      this.trace = trace;
    }
  }

  /** What a commit holds, and what follows it. */
  private record Commit(List<Entry> entries, List<Runnable> afterwards) {}

  private final Agent agent;
  private final Supplier<AgentSettings> settings;
  private final TargetContext context;
  private final TimerScheduler<TargetCommand> timers;
  private final Transcript transcript;
  private final RunTrace trace;

  private final InputLedger ledger = new InputLedger();
  private final Deque<Message> waiting = new ArrayDeque<>();
  private final Map<String, Message> partial = new HashMap<>();

  /** Devices whose message was refused before its end: what is left of it is passed over. */
  private final Set<String> skipped = new HashSet<>();

  private AgentMemo memo;
  private boolean memoChanged;
  private final RunText text = new RunText();
  private final List<Runnable> afterwards = new ArrayList<>();
  private Optional<Commit> underWay = Optional.empty();

  private long run;
  private boolean running;

  /** The entry at which the message of the newest run begins. */
  private long answering;

  /** The run was cut by a crash, and this life has not seen it get any further yet. */
  private boolean takenUp;

  private Optional<SinkQueueWithCancel<ModelChunk>> stream = Optional.empty();
  private boolean pulling;
  private String modelName = "";

  /** The life that begins with what the log holds. */
  static Behavior<TargetCommand> create(
      ActorContext<TargetCommand> actor,
      Agent agent,
      Supplier<AgentSettings> settings,
      TargetContext context,
      Transcript transcript,
      RunTrace trace) {
    return Behaviors.withTimers(timers -> {
      var self = new AgentActor(actor, timers, agent, settings, context, transcript, trace);
      self.takeUp();
      return self;
    });
  }

  private AgentActor(
      ActorContext<TargetCommand> actor,
      TimerScheduler<TargetCommand> timers,
      Agent agent,
      Supplier<AgentSettings> settings,
      TargetContext context,
      Transcript transcript,
      RunTrace trace) {
    super(actor);
    this.agent = agent;
    this.settings = settings;
    this.context = context;
    this.timers = timers;
    this.transcript = transcript;
    this.trace = trace;
    this.memo = AgentMemo.of(context.memo());
    this.answering = memo.readFrom();
    transcript.forgetBefore(memo.readFrom());
  }

  @Override
  public Behavior<TargetCommand> onMessage(TargetCommand command) {
    switch (command) {
      case TargetCommand.Deliver deliver -> {
        for (TargetCommand.TargetInput input : deliver.inputs()) {
          receive(input);
          startNextRun(); // so that an abort right behind a message finds its run
        }
      }
      case TargetCommand.Emitted emitted -> committed(emitted.firstNumber());
      case TargetCommand.Resized resized -> {} // a conversation has no size
      case TargetCommand.Stop stop -> {
        cancelStream();
        return Behaviors.stopped();
      }
      case TargetCommand.Own own -> {
        switch ((Self) own) {
          case Self.ModelChosen chosen when chosen.run() == run -> ask(chosen.choice());
          case Self.ModelNotChosen failed when failed.run() == run -> failed(failed.cause());
          case Self.Chunk chunk when chunk.run() == run -> chunk(chunk.chunk());
          case Self.StreamEnded ended when ended.run() == run ->
              failed(ended.failure().orElseGet(AgentActor::cut));
          case Self.TryAgain again when again.run() == run -> onceStored(this::chooseModel);
          case Self.AskAgain again when again.run() == run -> openStream(again.choice());
          case Self.ModelChosen late -> {} // of a run that is over, like the following
          case Self.ModelNotChosen late -> {}
          case Self.Chunk late -> {}
          case Self.StreamEnded late -> {}
          case Self.TryAgain late -> {}
          case Self.AskAgain late -> {}
        }
      }
    }
    startNextRun();
    commit();
    return this;
  }

  /** However the life ends, nobody reads the model's answer any more: the request is cancelled. */
  @Override
  public Behavior<TargetCommand> onSignal(Signal signal) {
    if (signal instanceof PostStop) {
      cancelStream();
      trace.end(RunOutcome.CUT, memo.attempt());
    }
    return this;
  }

  /** Settles a run that the last life has left open. */
  private void takeUp() {
    if (memo.open()) {
      running = true;
      takenUp = true;
      trace.begin(memo.trace(), true);
      if (memo.attempt() >= settings.get().maxAttempts()) {
        endRun(
            RunOutcome.FAILED,
            AgentEntries.failed("the run was cut off " + memo.attempt() + " times"));
      } else {
        changeAttempt(memo.attempt() + 1);
        onceStored(this::chooseModel);
      }
      commit();
    }
  }

  // ---- input ----

  private void receive(TargetCommand.TargetInput input) {
    var frame = new SessionCommand.InputFrame(input.body(), input.event(), input.more());
    long entry = input.entry().orElseThrow();
    List<Entry> entries = Entries.ofInput(input.device(), frame);
    if (entry > context.headNumber()) { // what was there before has been read back
      for (int i = 0; i < entries.size(); i++) {
        transcript.add(entry + i, entries.get(i));
      }
    }
    Optional<String> control = Entries.controlType(frame);
    if (control.isPresent()) {
      ledger.add(input.number(), input.body().length(), 0);
      control(control.get(), entry);
    } else {
      messages(input, Entries.lines(frame), entry);
    }
    giveUpUnfinished();
  }

  private void messages(TargetCommand.TargetInput input, List<Entries.Line> lines, long entry) {
    Set<Message> touched = new LinkedHashSet<>();
    List<Message> whole = new ArrayList<>();
    if (endsBeforeItsLines(input)) {
      skipped.remove(input.device());
      Message ended = partial.remove(input.device());
      if (ended != null) {
        whole.add(ended);
      }
    }
    for (int i = 0; i < lines.size(); i++) {
      boolean more = lines.get(i).more();
      if (entry + i <= context.headNumber() && !transcript.isUnanswered(entry + i)) {
        continue; // an earlier life has taken its message or refused it
      }
      if (skipped.contains(input.device())) {
        transcript.forget(entry + i);
        if (!more) {
          skipped.remove(input.device());
        }
        continue;
      }
      Message message = partial.remove(input.device());
      if (message == null) {
        message = new Message(entry + i, input.trace());
      }
      message.last = entry + i;
      if (touched.add(message)) {
        message.frames.add(input.number());
      }
      if (more) {
        partial.put(input.device(), message);
      } else {
        whole.add(message);
      }
    }
    ledger.add(input.number(), input.body().length(), touched.size());
    whole.forEach(this::queue);
  }

  /**
   * Whether the device's unfinished message ends with this frame and without a line of it: the
   * frame that it began in was full just before the line's end, or before blanks at its end.
   */
  private static boolean endsBeforeItsLines(TargetCommand.TargetInput input) {
    if (input.event()) {
      return false;
    }
    String text = input.body().utf8();
    int end = text.indexOf('\n');
    String begin = end < 0 ? text : text.substring(0, end);
    return begin.isBlank() && (end >= 0 || !input.more());
  }

  private void queue(Message message) {
    if (waiting.size() >= settings.get().maxQueuedMessages()) {
      refuse(message, "too many messages are waiting; the last one was not taken");
    } else {
      waiting.addLast(message);
    }
  }

  private void refuse(Message message, String reason) {
    message.frames.forEach(ledger::done);
    text.add(AgentEntries.refused(message.first, message.last, reason));
  }

  /**
   * Refuses messages whose end does not come. Input is forgotten in order, so such a message would
   * keep all that comes after it waiting, until the session takes no input any more.
   */
  private void giveUpUnfinished() {
    if (ledger.heldBytes() <= MAX_HELD_BYTES) {
      return;
    }
    for (Map.Entry<String, Message> unfinished : partial.entrySet()) {
      Message message = unfinished.getValue();
      if (message.frames.contains(ledger.firstOpen())) {
        partial.remove(unfinished.getKey());
        skipped.add(unfinished.getKey());
        refuse(message, "a message is too long, or has no end; it was not taken");
        return;
      }
    }
  }

  private void control(String type, long entry) {
    boolean late = entry <= context.headNumber() && entry <= transcript.runStart();
    if (type.equals("abort")) {
      if (running && !late) {
        endRun(RunOutcome.ABORTED, AgentEntries.aborted());
      }
    } else if (entry > context.headNumber()) {
      text.add(AgentEntries.notice("this agent does not know \"" + type + "\""));
    }
  }

  // ---- commits ----

  /**
   * Sends what there is to store, unless a commit is under way; it then comes with the next one.
   */
  private void commit() {
    while (underWay.isEmpty()) {
      OptionalLong consumed = ledger.consumed();
      List<Entry> entries = text.take();
      List<Runnable> actions = List.copyOf(afterwards);
      afterwards.clear();
      if (!entries.isEmpty() || memoChanged || consumed.isPresent()) {
        underWay = Optional.of(new Commit(entries, actions));
        context
            .session()
            .tell(
                new SessionCommand.Emit(
                    context.epoch(),
                    entries,
                    consumed,
                    memoChanged ? Optional.of(memo.toTargetMemo()) : Optional.empty(),
                    trace.sending()));
        memoChanged = false;
      } else if (actions.isEmpty()) {
        return;
      } else {
        actions.forEach(Runnable::run); // all that they rest on is stored
      }
    }
  }

  private void committed(long firstNumber) {
    Commit commit = underWay.orElseThrow();
    underWay = Optional.empty();
    for (int i = 0; i < commit.entries().size(); i++) {
      transcript.add(firstNumber + i, commit.entries().get(i));
    }
    commit.afterwards().forEach(Runnable::run);
    pull();
  }

  /** What there is to store gets stored, then this is done, if the run goes on until then. */
  private void onceStored(Runnable action) {
    long asking = run;
    afterwards.add(() -> {
      if (running && run == asking) {
        action.run();
      }
    });
  }

  private void changeAttempt(int attempt) {
    memo = new AgentMemo(readFrom(), attempt, trace.cause(), transcript.context());
    memoChanged = true;
  }

  /** The oldest entry that a next life needs: all messages begin there or later. */
  private long readFrom() {
    long from = answering;
    for (Message message : waiting) {
      from = Math.min(from, message.first);
    }
    for (Message message : partial.values()) {
      from = Math.min(from, message.first);
    }
    return from;
  }

  // ---- runs ----

  private void startNextRun() {
    if (!running && !waiting.isEmpty()) {
      Message message = waiting.removeFirst();
      message.frames.forEach(ledger::done);
      run++;
      running = true;
      answering = message.first;
      trace.begin(message.trace, false);
      text.add(AgentEntries.started(message.first, message.last));
      changeAttempt(1);
      onceStored(this::chooseModel);
    }
  }

  private void chooseModel() {
    long asking = run;
    getContext()
        .pipeToSelf(
            agent.model(context.id(), context.owner()),
            (choice, failure) ->
                failure == null
                    ? new Self.ModelChosen(asking, choice)
                    : new Self.ModelNotChosen(asking, failure));
  }

  /** All that the run has said before is stored: the transcript holds it. */
  private void ask(ModelChoice choice) {
    switch (choice) {
      case ModelChoice.NoModel none -> {
        text.addText(none.explanation());
        endRun(RunOutcome.FAILED, AgentEntries.failed("there is no model"));
      }
      case ModelChoice.Chosen chosen -> {
        modelName = chosen.provider().name() + "/" + chosen.model();
        boolean goesOn = chosen.provider().continuation() == Continuation.PREFIX;
        takenUp = takenUp && goesOn;
        if (!transcript.answer().isEmpty()) {
          if (goesOn) {
            text.add(AgentEntries.seam());
          } else {
            transcript
                .answerRanges()
                .forEach(range -> text.add(AgentEntries.retract(range[0], range[1])));
          }
        }
        onceStored(() -> openStream(chosen));
      }
    }
  }

  private void openStream(ModelChoice.Chosen chosen) {
    if (!context.mayAct().getAsBoolean()) {
      timers.startSingleTimer("again", new Self.AskAgain(run, chosen), TargetContext.ASK_AGAIN);
      return;
    }
    List<Turn> turns = new ArrayList<>(transcript.turns());
    while (!turns.isEmpty() && turns.getFirst().role() == Role.ASSISTANT) {
      turns.removeFirst(); // its question has left the context; providers want one first
    }
    if (turns.isEmpty() || turns.getLast().role() != Role.USER) {
      endRun(
          RunOutcome.FAILED,
          AgentEntries.failed("the message to answer is not in the log any more"));
      return;
    }
    if (!transcript.answer().isEmpty()) {
      turns.add(Turn.assistant(transcript.answer()));
    }
    var request =
        new ModelRequest(
            chosen.model(),
            turns,
            settings.get().maxOutputTokens(),
            agent.instructions(),
            trace.origin());
    stream =
        Optional.of(
            chosen.provider().stream(request).runWith(Sink.queue(), getContext().getSystem()));
    pull();
  }

  private void pull() {
    if (stream.isPresent() && !pulling && text.length() < MAX_WAITING_CHARS) {
      pulling = true;
      long asking = run;
      getContext()
          .pipeToSelf(
              stream.get().pull(),
              (chunk, failure) -> {
                if (failure != null) {
                  return new Self.StreamEnded(asking, Optional.of(failure));
                }
                return chunk.isPresent()
                    ? new Self.Chunk(asking, chunk.get())
                    : new Self.StreamEnded(asking, Optional.empty());
              });
    }
  }

  private void chunk(ModelChunk chunk) {
    pulling = false;
    switch (chunk) {
      case ModelChunk.TextDelta delta -> {
        text.addText(delta.text());
        if (takenUp) {
          takenUp = false;
          changeAttempt(1); // the answer grows from life to life, so it comes to its end
        }
      }
      case ModelChunk.ThinkingDelta delta -> text.addThinking(delta.text());
      case ModelChunk.Finished finished ->
          endRun(RunOutcome.DONE, AgentEntries.done(modelName, finished));
    }
    pull();
  }

  private static ModelException cut() {
    return new ModelException(
        ModelException.Kind.CUT, "the answer ended early", Optional.empty(), null);
  }

  private void failed(Throwable failure) {
    cancelStream();
    Throwable cause =
        failure instanceof CompletionException && failure.getCause() != null
            ? failure.getCause()
            : failure;
    if (cause instanceof ModelException problem
        && problem.kind().isPassing()
        && memo.attempt() < settings.get().maxAttempts()) {
      Duration wait =
          settings
              .get()
              .waitAfter(
                  memo.attempt(), problem.retryAfter(), ThreadLocalRandom.current().nextDouble());
      text.add(
          AgentEntries.notice(
              String.format(
                  Locale.ROOT,
                  "%s; next attempt in %.1f s",
                  problem.getMessage(),
                  wait.toMillis() / 1e3)));
      changeAttempt(memo.attempt() + 1);
      timers.startSingleTimer("again", new Self.TryAgain(run), wait);
    } else {
      if (!(cause instanceof ModelException)) {
        LoggingEventBuilder event =
            LOG.atError().addKeyValue("session", context.id()).setCause(cause);
        Optional<String> id = trace.traceId();
        (id.isPresent() ? event.addKeyValue("trace", id.get()) : event)
            .log("a run failed by a fault that no provider has declared");
      }
      String reason = cause instanceof ModelException ? cause.getMessage() : "internal error";
      trace.failed(cause);
      endRun(RunOutcome.FAILED, AgentEntries.failed(reason == null ? "the model failed" : reason));
    }
  }

  private void endRun(RunOutcome outcome, Entry status) {
    cancelStream();
    timers.cancel("again");
    text.add(status);
    trace.end(outcome, memo.attempt());
    changeAttempt(0);
    takenUp = false;
    running = false;
    run++;
  }

  private void cancelStream() {
    stream.ifPresent(SinkQueueWithCancel::cancel);
    stream = Optional.empty();
    pulling = false;
  }
}
