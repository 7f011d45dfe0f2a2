package io.clawterm.agent;

import akka.NotUsed;
import akka.stream.javadsl.JavaFlowSupport;
import akka.stream.javadsl.Source;
import io.clawterm.api.AgentFunction;
import io.clawterm.api.AgentRequest;
import io.clawterm.api.Principal;
import io.clawterm.api.SessionId;
import io.clawterm.model.Continuation;
import io.clawterm.model.ModelChunk;
import io.clawterm.model.ModelException;
import io.clawterm.model.ModelProvider;
import io.clawterm.model.ModelRequest;
import io.clawterm.model.Role;
import io.clawterm.model.StopReason;
import io.clawterm.model.Usage;
import java.util.List;
import java.util.Optional;

/** A host's Java function in the place of a model. */
final class FunctionProvider implements ModelProvider {

  private final AgentFunction function;
  private final SessionId session;
  private final Principal owner;

  FunctionProvider(AgentFunction function, SessionId session, Principal owner) {
    this.function = function;
    this.session = session;
    this.owner = owner;
  }

  @Override
  public String name() {
    return "java";
  }

  @Override
  public Continuation continuation() {
    return Continuation.RESTART;
  }

  @Override
  public Source<ModelChunk, NotUsed> stream(ModelRequest request) {
    List<AgentRequest.Message> conversation =
        request.turns().stream()
            .map(turn ->
                new AgentRequest.Message(
                    turn.role() == Role.USER ? AgentRequest.Role.USER : AgentRequest.Role.AGENT,
                    turn.text()))
            .toList();
    return Source.lazySource(() ->
            JavaFlowSupport.Source.fromPublisher(
                function.answer(new AgentRequest(session, owner, conversation))))
        .mapMaterializedValue(started -> NotUsed.getInstance())
        .filter(text -> !text.isEmpty())
        .<ModelChunk>map(ModelChunk.TextDelta::new)
        .concat(Source.single(new ModelChunk.Finished(StopReason.END, new Usage(0, 0))))
        .mapError(
            Throwable.class,
            failure ->
                new ModelException(
                    ModelException.Kind.INVALID_REQUEST,
                    "the agent failed: "
                        + (failure.getMessage() == null ? failure : failure.getMessage()),
                    Optional.empty(),
                    failure));
  }
}
