/**
 * The ClawTerm wire protocol: what a client, a server or a tool needs to speak it, and nothing
 * else.
 */
module io.clawterm.protocol {
  requires static transitive org.jspecify;

  exports io.clawterm.protocol;
}
