package io.clawterm.edge;

import java.util.Optional;
import java.util.Set;
import java.util.SortedSet;
import java.util.function.Consumer;

/** The pods that sessions may be connected to. Safe for use by all threads. */
public interface Pods {

  /** The names of the pods that are there now. */
  SortedSet<String> names();

  /** The way to a pod, if it is there now. */
  Optional<PodRoute> route(String name);

  /**
   * Calls the listener after each change with the names of the pods that have come, gone or been
   * replaced; it must not block.
   *
   * @return ends that
   */
  Registration onChange(Consumer<Set<String>> listener);

  /** A listener that can be taken away again. */
  @FunctionalInterface
  interface Registration extends AutoCloseable {
    @Override
    void close();
  }
}
