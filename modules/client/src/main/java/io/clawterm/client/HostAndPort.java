package io.clawterm.client;

/** A host name or address, and a port; an IPv6 address stands in brackets. */
record HostAndPort(String host, int port) {

  static HostAndPort parse(String text) {
    int colon = text.lastIndexOf(':');
    boolean portGiven = colon > text.lastIndexOf(']');
    String host = portGiven ? text.substring(0, colon) : text;
    if (host.startsWith("[") && host.endsWith("]")) {
      host = host.substring(1, host.length() - 1);
    } else if (host.indexOf(':') >= 0) {
      throw new IllegalArgumentException("an IPv6 address stands in brackets: \"" + text + "\"");
    }
    return new HostAndPort(
        host, portGiven ? port(text.substring(colon + 1), text) : ServerAddress.DEFAULT_PORT);
  }

  private static int port(String digits, String text) {
    try {
      return Integer.parseInt(digits);
    } catch (NumberFormatException e) {
      throw new IllegalArgumentException("expected HOST:PORT, not \"" + text + "\"", e);
    }
  }
}
