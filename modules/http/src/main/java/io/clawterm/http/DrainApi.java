package io.clawterm.http;

import akka.http.javadsl.model.HttpMethods;
import akka.http.javadsl.model.HttpResponse;
import io.clawterm.storage.ClusterNodes;
import java.util.List;
import java.util.concurrent.CompletionStage;
import java.util.function.Function;

/** Says in the database which nodes are to give their sessions and devices to others. */
final class DrainApi {

  private static final String PATH = "/api/v1/cluster/nodes/{number}/drain";

  private record DrainJson(int number, boolean draining) {}

  private final ClusterNodes nodes;
  private final Queries queries;

  DrainApi(HttpParts parts, Queries queries) {
    this.nodes = new ClusterNodes(parts.database());
    this.queries = queries;
  }

  List<Endpoint> endpoints() {
    return List.of(
        new Endpoint.Guarded(HttpMethods.PUT, PATH, owner(call -> drain(call, true))),
        new Endpoint.Guarded(HttpMethods.DELETE, PATH, owner(call -> drain(call, false))));
  }

  private static Function<Call, CompletionStage<HttpResponse>> owner(
      Function<Call, CompletionStage<HttpResponse>> answer) {
    return OwnerOnly.of("Only the owner may drain a node.", answer);
  }

  private CompletionStage<HttpResponse> drain(Call call, boolean wanted) {
    if (!call.parameter().matches("[0-9]{1,9}")) {
      return new Problem(
              Problem.Reason.INVALID_PARAMETER,
              "A node has a number, as GET /api/v1/cluster shows it.")
          .answer(call);
    }
    int number = Integer.parseInt(call.parameter());
    return queries
        .ask(() -> nodes.drain(number, wanted))
        .thenApply(found ->
            found
                ? Json.response(200, new DrainJson(number, wanted))
                : new Problem(Problem.Reason.NOT_FOUND, "No node " + number + " is alive.")
                    .response(call.id()));
  }
}
