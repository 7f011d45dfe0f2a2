package io.clawterm.edge;

import java.io.Closeable;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;

/** A way to a pod, on which connections can be opened. */
@FunctionalInterface
public interface PodRoute {

  /**
   * Opens a connection. May block.
   *
   * @throws IOException where nobody answers
   */
  Pipe open() throws IOException, InterruptedException;

  /** The bytes of one connection, whose sides two threads may use at one time. */
  interface Pipe extends Closeable {

    /** What the pod says. */
    InputStream input();

    /** What it is told; closing this ends our side alone. */
    OutputStream output();

    /** Ends both sides at once, and whatever blocks on them. */
    @Override
    void close() throws IOException;
  }
}
