package io.clawterm.http;

import akka.actor.Address;
import akka.actor.typed.ActorRef;
import akka.actor.typed.ActorSystem;
import akka.actor.typed.Props;
import akka.actor.typed.javadsl.Adapter;
import akka.actor.typed.javadsl.AskPattern;
import akka.actor.typed.receptionist.Receptionist;
import akka.cluster.typed.Cluster;
import io.clawterm.storage.LeaseState;
import io.micrometer.core.instrument.MeterRegistry;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.UUID;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.function.Supplier;

/**
 * What each node of the cluster says of itself, asked anew each time; and this node's own answer to
 * the others. Nothing is written anywhere, so nobody pays while nobody looks, and it works while
 * the database is away. A node that hangs is left out after a second.
 */
public final class ClusterFigures implements AutoCloseable {

  private static final Duration LIMIT = Duration.ofSeconds(1);

  /**
   * What a node knows of itself that no meter has.
   *
   * @param lease its right to write, as of now
   */
  public record Self(
      String version, Instant startedAt, Readiness readiness, Supplier<LeaseState> lease) {}

  private record Answer(Address from, Optional<NodeFigures> figures) {}

  private final ActorSystem<?> system;
  private final ActorRef<NodeReporter.Message> reporter;

  private ClusterFigures(ActorSystem<?> system, ActorRef<NodeReporter.Message> reporter) {
    this.system = system;
    this.reporter = reporter;
  }

  /** From now on this node answers; sessions must have been started on it. */
  public static ClusterFigures start(ActorSystem<?> system, MeterRegistry registry, Self self) {
    ActorRef<NodeReporter.Message> reporter =
        system.systemActorOf(
            NodeReporter.create(registry, self, Clock.systemUTC()),
            "clawterm-reporter-" + UUID.randomUUID(),
            Props.empty());
    return new ClusterFigures(system, reporter);
  }

  /** The figures of those nodes that answer, by {@code host:port} of the node. */
  CompletionStage<Map<String, NodeFigures>> ask() {
    return AskPattern.<Receptionist.Command, Receptionist.Listing>ask(
            system.receptionist(),
            replyTo -> Receptionist.find(NodeReporter.KEY, replyTo),
            LIMIT,
            system.scheduler())
        .thenCompose(listing -> askAll(listing.getServiceInstances(NodeReporter.KEY)));
  }

  private CompletionStage<Map<String, NodeFigures>> askAll(
      Iterable<ActorRef<NodeReporter.Ask>> reporters) {
    List<CompletableFuture<Answer>> answers = new ArrayList<>();
    for (ActorRef<NodeReporter.Ask> each : reporters) {
      answers.add(
          AskPattern.<NodeReporter.Ask, NodeFigures>ask(
                  each, NodeReporter.Ask::new, LIMIT, system.scheduler())
              .handle((figures, failure) ->
                  new Answer(each.path().address(), Optional.ofNullable(figures)))
              .toCompletableFuture());
    }
    return CompletableFuture.allOf(answers.toArray(CompletableFuture[]::new))
        .thenApply(done -> {
          Map<String, NodeFigures> known = new HashMap<>();
          for (CompletableFuture<Answer> answer : answers) {
            Answer given = answer.join();
            given.figures().ifPresent(figures -> known.put(place(given.from()), figures));
          }
          return known;
        });
  }

  /** A reference to an actor of one's own has no place in it. */
  private String place(Address from) {
    return text(from.hasGlobalScope() ? from : Cluster.get(system).selfMember().address());
  }

  static String text(Address address) {
    return address.getHost().orElse("") + ":" + address.getPort().orElse(0);
  }

  /** Answers no more. */
  @Override
  public void close() {
    Adapter.toClassic(system).stop(Adapter.toClassic(reporter));
  }
}
