package io.clawterm.session;

import io.clawterm.api.Principal;

/** The names under which the directory knows sessions. */
final class SessionKeys {

  private static final String NONCE = "nonce:";

  private SessionKeys() {}

  /** What a CONNECT's nonce is known by; no client can give a key that starts like it. */
  static String ofNonce(Principal principal, String nonce) {
    return NONCE + principal.name() + ":" + nonce;
  }

  static boolean isNonce(String key) {
    return key.startsWith(NONCE);
  }
}
