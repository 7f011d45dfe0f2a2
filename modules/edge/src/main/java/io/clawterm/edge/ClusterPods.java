package io.clawterm.edge;

import akka.actor.typed.ActorRef;
import akka.actor.typed.ActorSystem;
import akka.actor.typed.Props;
import akka.actor.typed.javadsl.Adapter;
import akka.actor.typed.javadsl.AskPattern;
import io.micrometer.core.instrument.Gauge;
import io.micrometer.core.instrument.MeterRegistry;
import java.io.IOException;
import java.time.Duration;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.SortedMap;
import java.util.SortedSet;
import java.util.TreeMap;
import java.util.UUID;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Consumer;
import java.util.function.Supplier;

/**
 * The pods of all nodes: those in the folder of this one, and those that other nodes have in
 * theirs, which are reached through the node ({@link RelayedPipe}).
 *
 * <p>A name stands for one pod. Where several machines have a pod of one name, that of the
 * session's own machine is taken, else that of the node whose address is first in order.
 */
public final class ClusterPods implements Pods, AutoCloseable {

  private final PodRegistry own;
  private final ActorSystem<?> system;
  private final AtomicInteger relayed = new AtomicInteger();
  private final List<Consumer<Set<String>>> listeners = new CopyOnWriteArrayList<>();
  private final ActorRef<PodDoor.Message> door;

  private volatile SortedMap<String, Remote> elsewhere = new TreeMap<>();

  /** A pod in the folder of another node. */
  private record Remote(ActorRef<PodDoor.Message> door, int stamp) {}

  private ClusterPods(ActorSystem<?> system, PodRegistry own, Duration repeat) {
    this.system = system;
    this.own = own;
    this.door =
        system.systemActorOf(
            PodDoor.create(own, repeat, relayed, this::heard),
            "clawterm-pods-" + UUID.randomUUID(),
            Props.empty());
  }

  /**
   * Begins to tell the other nodes of this one's pods, and to hear of theirs.
   *
   * @param repeat how often the whole list is told though nothing has changed
   */
  public static ClusterPods start(
      ActorSystem<?> system, PodRegistry own, Duration repeat, MeterRegistry meters) {
    var pods = new ClusterPods(system, own, repeat);
    Gauge.builder("clawterm.edge.pods.relayed", pods.relayed, AtomicInteger::get).register(meters);
    return pods;
  }

  @Override
  public SortedSet<String> names() {
    SortedSet<String> names = own.names();
    names.addAll(elsewhere.keySet());
    return names;
  }

  @Override
  public Optional<PodRoute> route(String name) {
    Supplier<Optional<PodRoute>> through =
        () ->
            Optional.ofNullable(elsewhere.get(name)).map(remote -> () -> open(remote.door(), name));
    return own.route(name).or(through);
  }

  @Override
  public Registration onChange(Consumer<Set<String>> listener) {
    Registration here = own.onChange(listener);
    listeners.add(listener);
    return () -> {
      here.close();
      listeners.remove(listener);
    };
  }

  @Override
  public void close() {
    Adapter.toClassic(system).stop(Adapter.toClassic(door));
  }

  private PodRoute.Pipe open(ActorRef<PodDoor.Message> at, String name)
      throws IOException, InterruptedException {
    CompletionStage<PodDoor.Answer> asked =
        AskPattern.ask(
            at,
            replyTo -> new PodDoor.Open(name, replyTo),
            RelayedPipe.OPEN_LIMIT,
            system.scheduler());
    try {
      return switch (asked.toCompletableFuture().get()) {
        case PodDoor.Opened opened -> new RelayedPipe(opened, system);
        case PodDoor.Failed failed -> throw new IOException(failed.reason());
      };
    } catch (ExecutionException e) {
      throw new IOException("the node of pod " + name + " does not answer", e);
    }
  }

  /** Called by one thread at a time, the door's. */
  private void heard(Map<ActorRef<PodDoor.Message>, Map<String, Integer>> told) {
    SortedMap<String, Remote> now = new TreeMap<>();
    told.entrySet().stream()
        .sorted(Comparator.comparing(at -> at.getKey().path().address().toString()))
        .forEach(at ->
            at.getValue()
                .forEach((name, stamp) -> now.putIfAbsent(name, new Remote(at.getKey(), stamp))));
    SortedMap<String, Remote> before = elsewhere;
    elsewhere = now;
    PodRegistry.tell(listeners, PodRegistry.changes(before, now));
  }
}
