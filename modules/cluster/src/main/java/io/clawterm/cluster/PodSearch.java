package io.clawterm.cluster;

import akka.actor.typed.ActorSystem;
import akka.discovery.Discovery;
import akka.discovery.Lookup;
import akka.discovery.ServiceDiscovery.ResolvedTarget;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;

/** Asks the API server once more for those who look for it, to tell an operator what is wrong. */
final class PodSearch {

  private static final Duration LIMIT = Duration.ofSeconds(5);

  private PodSearch() {}

  /** Why pods may have found no cluster and begun none. */
  static String problem(ActorSystem<?> system, ClusterSettings settings)
      throws InterruptedException {
    try {
      return problem(pods(system, settings), settings);
    } catch (ExecutionException e) {
      return unanswered(String.valueOf(e.getCause()));
    } catch (TimeoutException e) {
      return unanswered("no answer in " + LIMIT.toSeconds() + " s");
    }
  }

  private static List<String> pods(ActorSystem<?> system, ClusterSettings settings)
      throws InterruptedException, ExecutionException, TimeoutException {
    return Discovery.get(system)
        .loadServiceDiscovery(ClusterSettings.PODS)
        .lookup(Lookup.create(settings.name()), LIMIT)
        .toCompletableFuture()
        .get(LIMIT.toMillis(), TimeUnit.MILLISECONDS)
        .getAddresses()
        .stream()
        .map(ResolvedTarget::host)
        .sorted()
        .toList();
  }

  private static String unanswered(String why) {
    return "the API server does not tell which pods there are ("
        + why
        + "). A pod needs its service account's token, and a role that lets it list the pods of its"
        + " namespace; the chart gives it both with cluster.formation: kubernetes";
  }

  static String problem(List<String> pods, ClusterSettings settings) {
    String found =
        "the API server knows of "
            + pods.size()
            + " running pods with the labels "
            + settings.podLabelSelector()
            + (pods.isEmpty() ? "" : ": " + String.join(", ", pods));
    return pods.size() < settings.requiredContactPoints()
        ? found
            + "; the first cluster begins with "
            + settings.requiredContactPoints()
            + " (clawterm.cluster.required-contact-points)"
        : found
            + "; does each of them run, and does the network let this one reach their management"
            + " port and their port for other nodes?";
  }
}
