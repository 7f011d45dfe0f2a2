package io.clawterm.client;

import java.io.Closeable;
import java.io.IOException;

/** A byte stream to a server. One thread reads, one writes, any closes. */
interface Link extends Closeable {

  /** Reads at least one byte, or answers -1 at the end of the stream. */
  int read(byte[] target) throws IOException;

  /** Writes all of these bytes. */
  void write(byte[] bytes) throws IOException;

  /** Ends it at once, and with it a read or a write that waits; never waits itself. */
  @Override
  void close() throws IOException;
}
