package io.clawterm.node;

import java.util.ArrayDeque;
import java.util.Deque;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** What a node has opened, closed in the reverse order; one failure does not keep the others. */
final class Closing {

  private static final Logger LOG = LoggerFactory.getLogger(Closing.class);

  private record Step(String name, AutoCloseable action) {}

  private final Deque<Step> steps = new ArrayDeque<>();

  /** Remembers how to close what was opened just now. */
  synchronized void add(String name, AutoCloseable action) {
    steps.push(new Step(name, action));
  }

  synchronized void run() {
    while (!steps.isEmpty()) {
      Step step = steps.pop();
      try {
        step.action().close();
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
        LOG.atWarn().addKeyValue("part", step.name()).log("interrupted while closing");
      } catch (Exception e) {
        LOG.atWarn()
            .addKeyValue("part", step.name())
            .setCause(e)
            .log("could not be closed cleanly");
      }
    }
  }
}
