package io.clawterm.agent;

import io.clawterm.api.Principal;
import io.clawterm.api.SessionId;
import io.clawterm.model.ModelChoice;
import java.util.Optional;
import java.util.concurrent.CompletionStage;

/** An agent by its definition: which model it asks, and what it tells that model about its task. */
public interface Agent {

  /** The model to ask for the next run. */
  CompletionStage<ModelChoice> model(SessionId session, Principal owner);

  /** What the model is told about its task. */
  Optional<String> instructions();
}
