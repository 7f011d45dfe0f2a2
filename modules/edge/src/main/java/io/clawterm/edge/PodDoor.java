package io.clawterm.edge;

import akka.actor.typed.ActorRef;
import akka.actor.typed.Behavior;
import akka.actor.typed.PostStop;
import akka.actor.typed.Signal;
import akka.actor.typed.javadsl.AbstractOnMessageBehavior;
import akka.actor.typed.javadsl.ActorContext;
import akka.actor.typed.javadsl.Behaviors;
import akka.actor.typed.javadsl.TimerScheduler;
import akka.actor.typed.receptionist.Receptionist;
import akka.actor.typed.receptionist.ServiceKey;
import akka.stream.Materializer;
import akka.stream.SinkRef;
import akka.stream.SourceRef;
import akka.util.ByteString;
import io.clawterm.session.RemoteMessage;
import java.io.IOException;
import java.time.Duration;
import java.util.HashMap;
import java.util.HashSet;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Consumer;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Tells the other nodes which pods are in the folder of this one, opens connections to them for
 * those nodes, and hears which are in theirs.
 *
 * <p>The list goes out as a whole: at each change, to each node that is new, and from time to time,
 * as a message may be lost.
 */
final class PodDoor extends AbstractOnMessageBehavior<PodDoor.Message> {

  /** A message to a door. */
  sealed interface Message {}

  /**
   * The pods in the folder of a node.
   *
   * @param stamps by name; another number is another pod process
   */
  record Here(ActorRef<Message> door, Map<String, Integer> stamps)
      implements Message, RemoteMessage {}

  /** Asks for a connection to a pod. */
  record Open(String name, ActorRef<Answer> replyTo) implements Message, RemoteMessage {}

  /** The answer to {@link Open}. */
  sealed interface Answer extends RemoteMessage {}

  /**
   * The connection is there.
   *
   * @param output what the pod says
   * @param input what it is told
   */
  record Opened(SourceRef<ByteString> output, SinkRef<ByteString> input) implements Answer {}

  /** There is none. */
  record Failed(String reason) implements Answer {}

  private record Listed(Set<ActorRef<Message>> doors) implements Message {}

  private record Changed() implements Message {}

  private record Repeat() implements Message {}

  private record Gone(ActorRef<Message> door) implements Message {}

  /** The pods of each node that has told, by its door. */
  interface Elsewhere extends Consumer<Map<ActorRef<Message>, Map<String, Integer>>> {}

  private static final Logger log = LoggerFactory.getLogger(PodDoor.class);

  private static final ServiceKey<Message> KEY =
      ServiceKey.create(Message.class, "clawterm-pod-doors");

  private final ActorContext<Message> context;
  private final Materializer streams;
  private final PodRegistry own;
  private final AtomicInteger relayed;
  private final Elsewhere elsewhere;
  private final Pods.Registration registration;
  private final Map<ActorRef<Message>, Map<String, Integer>> told = new HashMap<>();
  private Set<ActorRef<Message>> others = Set.of();

  /**
   * A door.
   *
   * @param repeat between two lists that nothing has changed
   * @param relayed counts the connections that go through here now
   * @param elsewhere hears of each change at the other nodes
   */
  static Behavior<Message> create(
      PodRegistry own, Duration repeat, AtomicInteger relayed, Elsewhere elsewhere) {
    return Behaviors.setup(context ->
        Behaviors.withTimers(
            timers -> new PodDoor(context, timers, own, repeat, relayed, elsewhere)));
  }

  private PodDoor(
      ActorContext<Message> context,
      TimerScheduler<Message> timers,
      PodRegistry own,
      Duration repeat,
      AtomicInteger relayed,
      Elsewhere elsewhere) {
    super(context);
    this.context = context;
    this.streams = Materializer.createMaterializer(context); // ends with this actor
    this.own = own;
    this.relayed = relayed;
    this.elsewhere = elsewhere;
    ActorRef<Message> self = context.getSelf();
    registration = own.onChange(names -> self.tell(new Changed()));
    timers.startTimerWithFixedDelay(new Repeat(), repeat);
    ActorRef<Receptionist.Listing> listings =
        context.messageAdapter(
            Receptionist.Listing.class,
            // Those that can't be reached just now as well: what is told them is not in vain.
            listing -> new Listed(listing.getAllServiceInstances(KEY)));
    ActorRef<Receptionist.Command> receptionist = context.getSystem().receptionist();
    receptionist.tell(Receptionist.register(KEY, self));
    receptionist.tell(Receptionist.subscribe(KEY, listings));
  }

  @Override
  public Behavior<Message> onMessage(Message message) {
    switch (message) {
      case Listed listed -> meet(listed.doors());
      case Changed ignored -> others.forEach(this::tell);
      case Repeat ignored -> others.forEach(this::tell);
      case Here here -> hear(here);
      case Gone gone -> {
        told.remove(gone.door());
        elsewhere.accept(Map.copyOf(told));
      }
      case Open open -> open(open);
    }
    return this;
  }

  @Override
  public Behavior<Message> onSignal(Signal signal) {
    if (signal instanceof PostStop) {
      registration.close();
    }
    return this;
  }

  private void meet(Set<ActorRef<Message>> doors) {
    Set<ActorRef<Message>> met = new HashSet<>(doors);
    met.remove(context.getSelf());
    met.stream().filter(door -> !others.contains(door)).forEach(this::tell);
    others = met;
  }

  private void tell(ActorRef<Message> door) {
    door.tell(new Here(context.getSelf(), own.stamps()));
  }

  private void hear(Here here) {
    if (!told.containsKey(here.door())) {
      context.watchWith(here.door(), new Gone(here.door()));
    }
    if (!here.stamps().equals(told.put(here.door(), here.stamps()))) {
      elsewhere.accept(Map.copyOf(told));
    }
  }

  /** On a thread of its own: a pod that accepts nobody keeps whoever calls it waiting. */
  private void open(Open open) {
    Thread.ofVirtual()
        .name("clawterm-relay-" + open.name())
        .start(() -> open.replyTo().tell(answer(open.name())));
  }

  private Answer answer(String name) {
    var route = own.route(name);
    if (route.isEmpty()) {
      return new Failed("pod " + name + " is not here any more");
    }
    try {
      PodRoute.Pipe pod = route.get().open();
      return relay(pod);
    } catch (IOException | IllegalStateException e) { // the streams may have been ended
      log.atDebug().addKeyValue("pod", name).setCause(e).log("a pod was called in vain");
      return new Failed("pod " + name + " does not answer: " + e.getMessage());
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      return new Failed("interrupted");
    }
  }

  private Opened relay(PodRoute.Pipe pod) throws IOException {
    relayed.incrementAndGet();
    try {
      return PodRelay.begin(pod, streams, relayed::decrementAndGet);
    } catch (IllegalStateException e) {
      relayed.decrementAndGet();
      pod.close();
      throw e;
    }
  }
}
