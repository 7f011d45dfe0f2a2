package io.clawterm.client;

import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.net.Socket;

/** TCP, with TLS above it or without. */
final class SocketLink implements Link {
  /** The TCP socket itself: closing a TLS socket first would wait for a writer that is stuck. */
  private final Socket transport;

  private final InputStream input;
  private final OutputStream output;

  SocketLink(Socket transport, Socket top) throws IOException {
    this.transport = transport;
    this.input = top.getInputStream();
    this.output = top.getOutputStream();
  }

  @Override
  public int read(byte[] target) throws IOException {
    return input.read(target);
  }

  @Override
  public void write(byte[] bytes) throws IOException {
    output.write(bytes);
    output.flush();
  }

  @Override
  public void close() throws IOException {
    transport.close();
  }
}
