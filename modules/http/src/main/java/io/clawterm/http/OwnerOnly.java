package io.clawterm.http;

import akka.http.javadsl.model.HttpResponse;
import io.clawterm.api.Principal;
import java.util.concurrent.CompletionStage;
import java.util.function.Function;

/** What only the owner of the server may do, whoever else is known to it. */
final class OwnerOnly {

  private OwnerOnly() {}

  /**
   * Answers the owner alone.
   *
   * @param refusal told to the others
   */
  static Function<Call, CompletionStage<HttpResponse>> of(
      String refusal, Function<Call, CompletionStage<HttpResponse>> answer) {
    return call ->
        call.principal().equals(Principal.LOCAL)
            ? answer.apply(call)
            : new Problem(Problem.Reason.FORBIDDEN, refusal).answer(call);
  }
}
