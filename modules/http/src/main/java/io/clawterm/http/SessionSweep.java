package io.clawterm.http;

import akka.actor.typed.Behavior;
import akka.actor.typed.DispatcherSelector;
import akka.actor.typed.javadsl.AbstractOnMessageBehavior;
import akka.actor.typed.javadsl.ActorContext;
import akka.actor.typed.javadsl.Behaviors;
import akka.actor.typed.javadsl.TimerScheduler;
import akka.cluster.ClusterEvent;
import akka.cluster.typed.Cluster;
import akka.cluster.typed.Subscribe;
import io.clawterm.api.SessionId;
import io.clawterm.session.SessionCommand;
import io.clawterm.session.Sessions;
import java.time.Duration;
import java.time.InstantSource;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Executor;
import java.util.function.Function;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Wakes sessions whose run was cut off and ends those whose time is over, again and again. A
 * session that is awake, or not due after all, ignores it; so several nodes may sweep.
 */
public final class SessionSweep extends AbstractOnMessageBehavior<SessionSweep.Message> {

  /** A message of the sweep to itself. */
  public sealed interface Message {}

  private record Sweep() implements Message {}

  private record MemberLost() implements Message {}

  private record Found(Part part) implements Message {}

  private record Failed(Throwable cause) implements Message {}

  private static final Logger LOG = LoggerFactory.getLogger(SessionSweep.class);

  /** The first look, and the next ones after a loss. */
  private static final Duration SOON = Duration.ofSeconds(1);

  /**
   * How many of each kind are told at once, and the pause until the next ones. They come beside the
   * devices that come back and wait for their turn, and running sessions have to go on.
   */
  static final int PART = 100;

  static final Duration PAUSE = Duration.ofMillis(100);

  /** So many sweeps follow one another after a loss. */
  private static final int AFTER_LOSS = 10;

  private static final String NEXT = "next";

  /** Sessions to tell. */
  private record Part(List<SessionId> runs, List<SessionId> due) {}

  /**
   * How far a sweep has come in one of its lists.
   *
   * @param last the last one told; empty before the first
   * @param over all have been told
   */
  private record Reached(Optional<SessionId> last, boolean over) {

    static final Reached NOBODY = new Reached(Optional.empty(), false);

    List<SessionId> next(Function<Optional<SessionId>, List<SessionId>> behind) {
      return over ? List.of() : behind.apply(last);
    }

    Reached after(List<SessionId> told) {
      return told.size() < PART
          ? new Reached(Optional.empty(), true)
          : new Reached(Optional.of(told.getLast()), false);
    }
  }

  private final ActorContext<Message> context;
  private final TimerScheduler<Message> timers;
  private final SessionSummaries summaries;
  private final Sessions sessions;
  private final InstantSource clock;
  private final Supplier<Duration> interval;
  private final Executor blocking;

  /** Sweeps that follow soon after a loss: the list of open runs is some seconds behind. */
  private int soon;

  private Reached runs = Reached.NOBODY;
  private Reached due = Reached.NOBODY;

  /**
   * The behaviour of an actor that sweeps a second after its start and each {@code interval} that
   * is in force.
   */
  public static Behavior<Message> create(
      SessionSummaries summaries,
      Sessions sessions,
      InstantSource clock,
      Supplier<Duration> interval) {
    return Behaviors.setup(context ->
        Behaviors.withTimers(
            timers -> new SessionSweep(context, timers, summaries, sessions, clock, interval)));
  }

  private SessionSweep(
      ActorContext<Message> context,
      TimerScheduler<Message> timers,
      SessionSummaries summaries,
      Sessions sessions,
      InstantSource clock,
      Supplier<Duration> interval) {
    super(context);
    this.context = context;
    this.timers = timers;
    this.summaries = summaries;
    this.sessions = sessions;
    this.clock = clock;
    this.interval = interval;
    this.blocking = context.getSystem().dispatchers().lookup(DispatcherSelector.blocking());
    sweepAgain(SOON);
    // Runs that a lost node leaves behind are taken up at once, not at the next sweep.
    Cluster.get(context.getSystem())
        .subscriptions()
        .tell(
            Subscribe.create(
                context.messageAdapter(
                    ClusterEvent.MemberRemoved.class, removed -> new MemberLost()),
                ClusterEvent.MemberRemoved.class));
  }

  @Override
  public Behavior<Message> onMessage(Message message) {
    switch (message) {
      case Sweep sweep -> {
        Reached inRuns = runs;
        Reached inDue = due;
        context.pipeToSelf(
            CompletableFuture.supplyAsync(() -> look(inRuns, inDue), blocking),
            SessionSweep::outcome);
      }
      case MemberLost lost -> {
        soon = AFTER_LOSS;
        if (timers.isTimerActive(NEXT)) {
          begin(SOON);
        }
      }
      case Found found -> tell(found.part());
      case Failed failed -> {
        LOG.atWarn()
            .setCause(failed.cause())
            .log("sessions to wake or to end could not be looked up; the next sweep tries again");
        sweepAgain(interval.get());
      }
    }
    return this;
  }

  private Part look(Reached inRuns, Reached inDue) {
    return new Part(
        inRuns.next(last -> summaries.openRuns(last, PART)),
        inDue.next(last -> summaries.dueToExpire(clock.instant(), last, PART)));
  }

  private static Message outcome(@Nullable Part part, @Nullable Throwable failure) {
    return part != null
        ? new Found(part)
        : new Failed(failure != null ? failure : new IllegalStateException("no part, no failure"));
  }

  private void tell(Part part) {
    part.runs().forEach(session -> sessions.tell(session, new SessionCommand.Wake()));
    part.due().forEach(session -> sessions.tell(session, new SessionCommand.ExpireIfDue()));
    runs = runs.after(part.runs());
    due = due.after(part.due());
    if (runs.over() && due.over()) {
      begin(interval.get());
    } else {
      sweepAgain(PAUSE);
    }
  }

  /** The next look is the first one of a sweep. */
  private void begin(Duration wait) {
    runs = Reached.NOBODY;
    due = Reached.NOBODY;
    sweepAgain(wait);
  }

  private void sweepAgain(Duration wait) {
    boolean early = soon > 0 && wait.compareTo(SOON) > 0;
    soon -= early ? 1 : 0;
    timers.startSingleTimer(NEXT, new Sweep(), early ? SOON : wait);
  }
}
