package io.clawterm.session;

import java.util.concurrent.CompletionStage;

/** Removes what retention has given up from the journal. */
@FunctionalInterface
public interface JournalPruner {

  /** Deletes the events of a persistence id up to and including {@code upTo}; idempotent. */
  CompletionStage<Void> prune(String persistenceId, long upTo);
}
