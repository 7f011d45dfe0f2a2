package io.clawterm.session;

import io.clawterm.api.Principal;
import io.clawterm.api.SessionId;
import java.util.Optional;
import java.util.concurrent.CompletionStage;

/** The way to sessions, on whichever node they live. */
public interface Sessions {

  /** Sends without waiting; delivery is at most once, as the edge's own time-outs assume. */
  void tell(SessionId session, SessionCommand command);

  /** Whether any node of the cluster holds sessions; else nobody answers for one. */
  boolean haveNode();

  /** The name that a session opened under this nonce carries as its key. */
  static String nonceKey(Principal principal, String nonce) {
    return SessionKeys.ofNonce(principal, nonce);
  }

  /** Whether a client may use this session key: 1 to 160 visible characters, no reserved start. */
  static boolean isUsableKey(String key) {
    return key.matches("[\\x21-\\x7e]{1,160}") && !SessionKeys.isNonce(key);
  }

  /**
   * The id for a CONNECT: the one that the key (or else the nonce) is bound to, or a new one.
   *
   * @param nonce 16 random bytes of the client in hexadecimal; bound for ten minutes
   * @param unlike an id that has turned out taken or closed; the binding to it is given up
   */
  CompletionStage<SessionId> resolve(
      Principal principal,
      Optional<String> key,
      Optional<String> nonce,
      Optional<SessionId> unlike);

  /** Makes and checks resume tokens. */
  ResumeTokens tokens();
}
