package io.clawterm.cluster;

import java.io.IOException;
import java.net.ConnectException;
import java.net.InetSocketAddress;
import java.net.Socket;

/** Whether somebody is at a port. */
final class Ports {

  private static final int CONNECT_MILLIS = 300;

  private Ports() {}

  /** Whether a process may listen at {@code host:port}: only a refusal says that none does. */
  static boolean listens(String hostAndPort) {
    int colon = hostAndPort.lastIndexOf(':');
    if (colon < 0) {
      return true;
    }
    try (var socket = new Socket()) {
      int port = Integer.parseInt(hostAndPort.substring(colon + 1));
      socket.connect(new InetSocketAddress(hostAndPort.substring(0, colon), port), CONNECT_MILLIS);
      return true;
    } catch (ConnectException e) {
      return false;
    } catch (IOException e) {
      return true;
    }
  }
}
