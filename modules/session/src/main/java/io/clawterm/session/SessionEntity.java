package io.clawterm.session;

import akka.actor.typed.ActorRef;
import akka.actor.typed.Behavior;
import akka.actor.typed.PostStop;
import akka.actor.typed.javadsl.ActorContext;
import akka.actor.typed.javadsl.Behaviors;
import akka.actor.typed.javadsl.TimerScheduler;
import akka.cluster.sharding.typed.javadsl.ClusterSharding;
import akka.cluster.sharding.typed.javadsl.EntityTypeKey;
import akka.persistence.typed.PersistenceId;
import akka.persistence.typed.RecoveryCompleted;
import akka.persistence.typed.RecoveryFailed;
import akka.persistence.typed.SnapshotCompleted;
import akka.persistence.typed.javadsl.CommandHandler;
import akka.persistence.typed.javadsl.Effect;
import akka.persistence.typed.javadsl.EventHandler;
import akka.persistence.typed.javadsl.EventSourcedBehavior;
import akka.persistence.typed.javadsl.RetentionCriteria;
import akka.persistence.typed.javadsl.SignalHandler;
import io.clawterm.api.SessionId;
import io.clawterm.protocol.Code;
import java.time.Duration;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.Set;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * A session: its log, its devices and the target behind it.
 *
 * <p>Commands decide against the state as it will be, and {@link GroupCommit} has what is decided
 * committed. Whatever is told to anybody is told after the commit that it rests on.
 *
 * <p>A failed commit stops the entity and is not retried: it may mean that another writer exists.
 * Devices are told to come back, and the journal decides what holds.
 */
public final class SessionEntity
    extends EventSourcedBehavior<SessionCommand, SessionEvent, SessionState> {

  /** Under this name sessions are sharded and journaled; it is stored for ever. */
  public static final EntityTypeKey<SessionCommand> TYPE =
      EntityTypeKey.create(SessionCommand.class, "session");

  /** Commits with this tag change what a list of sessions shows. */
  public static final String LIFE_TAG = "session-life";

  private static final Logger LOG = LoggerFactory.getLogger(SessionEntity.class);

  private final ActorContext<SessionCommand> context;
  private final TimerScheduler<SessionCommand> timers;
  private final ActorRef<ClusterSharding.ShardCommand> shard;
  private final SessionId id;
  private final SessionEnvironment environment;
  private final Arrivals arrivals;
  private final Runnable movedAtWork;

  private boolean leaving;

  /** It has asked to be stopped, because nobody needs it. */
  private boolean resting;

  /** A step of an import came in this life, which ends seconds after the last one. */
  private boolean importing;

  private final CommitTrace trace;
  private final GroupCommit commits;
  private final AttachedDevices devices;
  private final Retention retention;
  private final TargetSlot target;

  /** The behaviour of the entity with this id, which nobody wakes when it has moved. */
  public static Behavior<SessionCommand> create(
      SessionId id, SessionEnvironment environment, ActorRef<ClusterSharding.ShardCommand> shard) {
    return create(id, environment, shard, new UnreadableSessions(environment.clock()), () -> {});
  }

  /**
   * The behaviour of the entity with this id.
   *
   * @param unreadable those of this node, which it may be one of
   * @param movedAtWork run when the entity moves with work under way: there may be no device that
   *     would wake it at its next node
   */
  static Behavior<SessionCommand> create(
      SessionId id,
      SessionEnvironment environment,
      ActorRef<ClusterSharding.ShardCommand> shard,
      UnreadableSessions unreadable,
      Runnable movedAtWork) {
    return Behaviors.setup(outer -> {
      Optional<Duration> rest = unreadable.rest(id);
      if (rest.isPresent()) {
        return UnreadableSession.create(id, shard, rest.get());
      }
      int room =
          outer.getSystem().settings().config().getInt("akka.persistence.typed.stash-capacity");
      Arrivals arrivals =
          new Arrivals(id, outer.getSelf(), room, environment.metrics(), unreadable);
      return Behaviors.intercept(
          () -> arrivals,
          Behaviors.setup(context ->
              Behaviors.withTimers(timers ->
                  new SessionEntity(
                      context, timers, shard, id, environment, arrivals, movedAtWork))));
    });
  }

  static PersistenceId persistenceId(SessionId id) {
    return PersistenceId.of(TYPE.name(), id.toString());
  }

  private SessionEntity(
      ActorContext<SessionCommand> context,
      TimerScheduler<SessionCommand> timers,
      ActorRef<ClusterSharding.ShardCommand> shard,
      SessionId id,
      SessionEnvironment environment,
      Arrivals arrivals,
      Runnable movedAtWork) {
    super(persistenceId(id));
    this.context = context;
    this.timers = timers;
    this.shard = shard;
    this.id = id;
    this.environment = environment;
    this.arrivals = arrivals;
    this.movedAtWork = movedAtWork;
    this.trace = new CommitTrace(environment.tracing(), id);
    this.commits = new GroupCommit(environment, arrivals, trace, context.getSelf());
    this.devices = new AttachedDevices(id, environment, context, commits, this::passivateSoon);
    this.retention = new Retention(id, environment, commits, devices);
    this.target = new TargetSlot(id, environment, context, timers, commits, trace);
  }

  @Override
  public SessionState emptyState() {
    return new SessionState.Absent();
  }

  @Override
  public EventHandler<SessionState, SessionEvent> eventHandler() {
    return commits::after;
  }

  @Override
  public RetentionCriteria retentionCriteria() {
    return RetentionCriteria.snapshotEvery(environment.settings().snapshotEvery(), 2);
  }

  @Override
  public Set<String> tagsFor(SessionEvent event) {
    return event.changesLife() ? Set.of(LIFE_TAG) : Set.of();
  }

  @Override
  public SignalHandler<SessionState> signalHandler() {
    return newSignalHandlerBuilder()
        .onSignal(RecoveryCompleted.instance(), this::recovered)
        .onSignal(
            RecoveryFailed.class, (state, failed) -> arrivals.notRecovered(failed.getFailure()))
        .onSignal(
            SnapshotCompleted.class,
            (state, taken) -> retention.prune(state, taken.getSnapshotMetadata().sequenceNr()))
        .onSignal(PostStop.instance(), state -> stopped())
        .build();
  }

  @Override
  public CommandHandler<SessionCommand, SessionEvent, SessionState> commandHandler() {
    return (state, command) -> {
      commits.beginTurn();
      switch (command) {
        case SessionCommand.Connect connect -> connect(connect);
        case SessionCommand.Resume resume -> resume(resume);
        case SessionCommand.Input input -> input(input);
        case SessionCommand.Confirm confirm ->
            devices.find(confirm.attachment()).ifPresent(devices::confirm);
        case SessionCommand.Release release -> devices.release(release);
        case SessionCommand.Resize resize ->
            devices.find(resize.attachment()).ifPresent(device -> resize(device, resize.size()));
        case SessionCommand.Detach detach -> detach(detach);
        case SessionCommand.Suspend suspend -> suspend(suspend);
        case SessionCommand.Disconnect disconnect -> disconnect(disconnect);
        case SessionCommand.Close close -> close(close);
        case SessionCommand.ExpireIfDue due -> expireIfDue();
        case SessionCommand.Describe describe -> describe(describe);
        case SessionCommand.Wake wake -> commits.then(this::startTarget);
        case SessionCommand.Export export -> export(export);
        case SessionCommand.Import step -> importStep(step);
        case SessionCommand.Emit emit -> emit(emit);
        case SessionCommand.Finish finish -> finish(finish);
        case SessionCommand.Leave leave -> leaving = true;
        case SessionCommand.Own own -> {
          switch ((SelfCommand) own) {
            case SelfCommand.GoOn goOn -> {} // what it hands out follows by itself
            case SelfCommand.Flush flush -> commits.flush();
            case SelfCommand.Idle idle -> passivateIfIdle();
            case SelfCommand.StartTarget start -> startTarget();
            case SelfCommand.TargetStopped stopped -> target.stopped(stopped.epoch());
            case SelfCommand.EdgeGone gone -> edgeGone(gone.edge());
            case SelfCommand.PageRead page -> devices.pageRead(page);
            case SelfCommand.PageFailed failed -> devices.pageFailed(failed);
          }
        }
      }
      return endTurn();
    };
  }

  // ---- commits ----

  private Effect<SessionEvent, SessionState> endTurn() {
    Optional<GroupCommit.Batch> due = commits.endTurn();
    if (due.isPresent()) {
      return write(due.get());
    }
    return leaving && !commits.hasChanges() ? Effect().stop() : Effect().none();
  }

  private Effect<SessionEvent, SessionState> write(GroupCommit.Batch batch) {
    var persist = Effect().persist(batch.event()).thenRun(state -> written(batch, state));
    return leaving ? persist.thenStop() : persist;
  }

  private void written(GroupCommit.Batch batch, SessionState state) {
    devices.append(commits.written(batch, state, lastSequenceNumber(context)));
    batch.afterwards().forEach(Runnable::run);
    devices.serveAll();
    commits.flushSoon();
  }

  // ---- devices come and go ----

  private void connect(SessionCommand.Connect connect) {
    if (devices.isNew(connect.attachment())) {
      admit(
          connect.attachment(),
          AttachDecision.connect(
              commits.state(),
              connect,
              name -> environment.targets().find(connect.principal(), name),
              environment.settings(),
              importing));
    }
  }

  private void resume(SessionCommand.Resume resume) {
    if (devices.isNew(resume.attachment())) {
      admit(
          resume.attachment(),
          AttachDecision.resume(commits.state(), resume, environment.settings()));
    }
  }

  /** A refusal may rest on what is not durable yet: it is told after that, as all is. */
  private void admit(Attachment attachment, AttachDecision decision) {
    switch (decision) {
      case AttachDecision.Refused refused -> {
        commits.then(() -> attachment.refuse(id, refused.refusal(), refused.text()));
        passivateSoon();
      }
      case AttachDecision.Admitted admitted -> {
        admitted.changes().forEach(commits::decide);
        devices.arrive(attachment);
        commits.then(() -> attached(attachment, admitted));
      }
    }
  }

  private void attached(Attachment attachment, AttachDecision.Admitted admitted) {
    Optional<AttachedDevice> device =
        devices.attach(attachment, admitted.generation(), admitted.lastNumber());
    if (device.isEmpty()) {
      passivateSoon();
      return;
    }
    timers.cancel("idle");
    attachment.size().ifPresent(size -> resize(device.get(), size));
    startTarget();
    devices.serve(device.get());
  }

  private void resize(AttachedDevice device, Attachment.WindowSize size) {
    if (!device.onlyWatches()) {
      target.resize(size);
    }
  }

  private void edgeGone(ActorRef<DeviceMessage> edge) {
    devices.on(edge).forEach(device -> detach(device, 0, OptionalLong.empty()));
  }

  private void detach(AttachedDevice device, long acknowledged, OptionalLong expirySeconds) {
    devices.detach(device, acknowledged, expirySeconds);
    retention.trim();
  }

  private void detach(SessionCommand.Detach detach) {
    devices
        .find(detach.attachment())
        .ifPresent(device -> detach(device, detach.acknowledged(), OptionalLong.empty()));
  }

  private void suspend(SessionCommand.Suspend suspend) {
    devices
        .find(suspend.attachment())
        .ifPresent(device -> {
          devices.confirm(device);
          OptionalLong expiry =
              suspend.expiry().isEmpty() || device.onlyWatches()
                  ? OptionalLong.empty()
                  : OptionalLong.of(environment.settings().granted(suspend.expiry()).toSeconds());
          detach(device, suspend.acknowledged(), expiry);
          commits.then(() -> devices.tellDetached(device, Code.SUSPENDED, "suspended"));
        });
  }

  // ---- input ----

  private void input(SessionCommand.Input input) {
    Optional<AttachedDevice> attached = devices.find(input.attachment());
    if (attached.isEmpty() || !(commits.state() instanceof SessionState.Open open)) {
      return; // the edge is told that the attachment is over by what ended it
    }
    AttachedDevice device = attached.get();
    if (device.onlyWatches()) {
      devices.detachNow(device, Code.FORBIDDEN, "a watching device sends no input");
      return;
    }
    devices.confirm(device);
    var decision =
        InputDecision.of(
            open, device.attachment.device(), input, environment.settings().maxWaitingBytes());
    if (decision.repeated()) {
      environment.metrics().duplicateInput();
    }
    switch (decision) {
      case InputDecision.Refused refused ->
          devices.detachNow(device, refused.code(), refused.text());
      case InputDecision.Known known ->
          commits.then(() -> devices.tellDurable(device, known.upTo()));
      case InputDecision.Received received -> {
        commits.decide(received.change());
        trace.causedBy(input.trace());
        commits.then(() -> {
          target.deliver(trace.place(received.inputs()));
          devices.tellDurable(device, received.upTo());
        });
      }
    }
  }

  // ---- the target ----

  private void startTarget() {
    target.start().ifPresent(this::targetGone);
  }

  private void targetGone(String text) {
    LOG.atWarn()
        .addKeyValue("session", id)
        .addKeyValue("reason", text)
        .log("the target of a session is not there any more");
    devices.detachAll(Code.NO_SUCH_TARGET, text);
  }

  private void emit(SessionCommand.Emit emit) {
    if (target.emit(emit)) {
      commits.then(this::passivateSoon);
      retention.trim();
    }
  }

  private void finish(SessionCommand.Finish finish) {
    if (target.isLife(finish.epoch())) {
      end(finish.text());
    }
  }

  // ---- the end, and rest ----

  private void disconnect(SessionCommand.Disconnect disconnect) {
    devices
        .find(disconnect.attachment())
        .ifPresent(device -> {
          if (device.onlyWatches()) {
            devices.detachNow(device, Code.FORBIDDEN, "a watching device does not end the session");
          } else {
            String reason = "closed by device \"" + device.attachment.device() + "\"";
            end(reason);
            // It wants no more output: unlike the others it is told at once.
            commits.then(() ->
                devices
                    .find(disconnect.attachment())
                    .ifPresent(left -> devices.detachNow(left, Code.CLOSED, reason)));
          }
        });
  }

  private void close(SessionCommand.Close close) {
    boolean mine =
        commits.state() instanceof SessionState.Open open
            && open.identity().owner().equals(close.principal());
    if (mine) {
      end("closed by " + close.principal().name());
    } else {
      passivateSoon();
    }
    commits.then(() ->
        close
            .replyTo()
            .tell(
                mine
                    ? SessionCommand.CloseReply.CLOSED
                    : SessionCommand.CloseReply.NO_SUCH_SESSION));
  }

  private void end(String reason) {
    if (!(commits.state() instanceof SessionState.Open)) {
      return;
    }
    commits.decide(new SessionEvent.Closed(reason));
    commits.then(() -> {
      devices.end(reason);
      target.stop();
      passivateSoon();
    });
  }

  private void expireIfDue() {
    if (commits.state() instanceof SessionState.Open open
        && !devices.isAny()
        && open.memo().stream().noneMatch(TargetMemo::open)
        && !environment
            .clock()
            .instant()
            .isBefore(open.touchedAt().plusSeconds(open.expirySeconds()))) {
      end("expired");
    }
    passivateSoon();
  }

  private void describe(SessionCommand.Describe describe) {
    describe.replyTo().tell(SessionCommand.Description.of(commits.durable(), devices.names()));
    passivateSoon();
  }

  // ---- bundles ----

  private void export(SessionCommand.Export export) {
    export.replyTo().tell(BundleSteps.export(id, commits.durable(), export));
    passivateSoon();
  }

  /** One step after the other: each is decided on what is durable, and is a commit by itself. */
  private void importStep(SessionCommand.Import step) {
    importing = true;
    timers.cancel("idle");
    passivateSoon();
    if (commits.hasChanges()) {
      commits.then(() -> context.getSelf().tell(step));
      return;
    }
    BundleSteps.Decision decision =
        BundleSteps.decide(
            commits.state(),
            step,
            name -> environment.targets().find(step.principal(), name),
            environment.settings());
    decision.change().ifPresent(commits::decide);
    commits.then(() -> {
      if (step instanceof SessionCommand.BeginImport && decision.change().isPresent()) {
        devices.begin();
      }
      if (commits.durable().hasWork()) {
        startTarget();
      }
      step.replyTo().tell(decision.reply());
    });
  }

  private void passivateSoon() {
    if (devices.isEmpty() && !timers.isTimerActive("idle")) {
      boolean used = commits.state() instanceof SessionState.Open;
      timers.startSingleTimer(
          "idle",
          new SelfCommand.Idle(),
          used ? environment.settings().passivateAfter() : Duration.ofSeconds(5));
    }
  }

  private void passivateIfIdle() {
    boolean work = commits.state().hasWork();
    if (devices.isEmpty() && !commits.hasChanges() && !(work && target.isActive())) {
      resting = true;
      shard.tell(new ClusterSharding.Passivate<>(context.getSelf()));
    } else {
      passivateSoon();
    }
  }

  // ---- life ----

  private void recovered(SessionState state) {
    commits.recovered(state, lastSequenceNumber(context));
    arrivals.recovered();
    devices.recovered();
    if (state.hasWork()) {
      startTarget();
    }
    commits.flushSoon();
    passivateSoon();
  }

  /** Whatever stops the entity, its devices come back by themselves. */
  private void stopped() {
    trace.notDurable();
    devices.stopped(leaving ? Code.MOVED : Code.OVERLOADED);
    if (leaving && !resting && commits.durable().hasWork()) {
      movedAtWork.run();
    }
  }
}
