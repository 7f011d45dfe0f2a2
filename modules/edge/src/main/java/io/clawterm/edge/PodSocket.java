package io.clawterm.edge;

import java.io.FilterOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.channels.Channels;
import java.nio.channels.SocketChannel;
import java.nio.file.Path;

/** A connection to a socket in the folder of this node. */
final class PodSocket implements PodRoute.Pipe {

  private final SocketChannel channel;

  private PodSocket(SocketChannel channel) {
    this.channel = channel;
  }

  /** Connects. */
  static PodSocket open(Path socket) throws IOException {
    SocketChannel channel = SocketChannel.open(StandardProtocolFamily.UNIX);
    try {
      channel.connect(UnixDomainSocketAddress.of(socket));
    } catch (IOException | RuntimeException e) {
      channel.close();
      throw e;
    }
    return new PodSocket(channel);
  }

  @Override
  public InputStream input() {
    return Channels.newInputStream(channel);
  }

  @Override
  public OutputStream output() {
    return new FilterOutputStream(Channels.newOutputStream(channel)) {
      @Override
      public void write(byte[] bytes, int from, int count) throws IOException {
        out.write(bytes, from, count);
      }

      @Override
      public void close() throws IOException {
        channel.shutdownOutput();
      }
    };
  }

  @Override
  public void close() throws IOException {
    channel.close();
  }
}
