package io.clawterm.agent;

import io.clawterm.api.AgentFunction;
import io.clawterm.api.Principal;
import io.clawterm.api.SessionId;
import io.clawterm.model.ModelChoice;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.function.Supplier;

/** The kinds of agents that there are. */
public final class Agents {

  private Agents() {}

  /** An agent that asks the model chosen at the start of each run. */
  public static Agent asking(
      Supplier<CompletionStage<ModelChoice>> models, Optional<String> instructions) {
    return asking(models, () -> instructions);
  }

  /** The same with instructions that may be others for each question. */
  public static Agent asking(
      Supplier<CompletionStage<ModelChoice>> models, Supplier<Optional<String>> instructions) {
    return new Agent() {
      @Override
      public CompletionStage<ModelChoice> model(SessionId session, Principal owner) {
        return models.get();
      }

      @Override
      public Optional<String> instructions() {
        return instructions.get();
      }
    };
  }

  /** An agent that a host application has written in Java. */
  public static Agent function(AgentFunction function) {
    return new Agent() {
      @Override
      public CompletionStage<ModelChoice> model(SessionId session, Principal owner) {
        return CompletableFuture.completedFuture(
            new ModelChoice.Chosen(new FunctionProvider(function, session, owner), "function"));
      }

      @Override
      public Optional<String> instructions() {
        return Optional.empty();
      }
    };
  }

  /** The scripted agent behind {@code agent:demo}. */
  public static Agent demo() {
    var counting = new ModelChoice.Chosen(new DemoProvider(), "count");
    return asking(() -> CompletableFuture.completedFuture(counting), Optional.empty());
  }
}
