package io.clawterm.edge;

import io.clawterm.api.Principal;
import io.clawterm.session.Bytes;
import java.nio.charset.StandardCharsets;
import java.nio.file.attribute.UserPrincipal;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/**
 * Knows principals by bearer tokens, of which it keeps only hashes, and local users by what the
 * operating system says about a Unix socket's peer.
 *
 * <p>A credential that is shown decides alone: a wrong one is not made good by the socket.
 */
public final class TokenAuthenticator implements Authenticator {

  private record Known(Bytes hash, Principal principal) {}

  private volatile List<Known> tokens;
  private final Set<UserPrincipal> localUsers;
  private final boolean unauthenticatedLoopback;

  /**
   * An authenticator for these.
   *
   * @param tokens the SHA-256 of each token, in hexadecimal
   * @param localUsers users who are {@link Principal#LOCAL} on a Unix socket
   * @param unauthenticatedLoopback whoever comes from a loopback address is that as well
   */
  public TokenAuthenticator(
      Map<String, Principal> tokens,
      Set<UserPrincipal> localUsers,
      boolean unauthenticatedLoopback) {
    this.tokens = parse(tokens);
    this.localUsers = Set.copyOf(localUsers);
    this.unauthenticatedLoopback = unauthenticatedLoopback;
  }

  /** From now on these are the tokens, as in the constructor. */
  public void replaceTokens(Map<String, Principal> now) {
    tokens = parse(now);
  }

  private static List<Known> parse(Map<String, Principal> tokens) {
    return tokens.entrySet().stream()
        .map(token -> new Known(Bytes.wrap(parse(token.getKey())), token.getValue()))
        .toList();
  }

  /** The form in which a token is configured: its SHA-256 in hexadecimal. */
  public static String hash(String token) {
    return HexFormat.of().formatHex(sha256(token));
  }

  @Override
  public Optional<Principal> authenticate(Optional<String> credential, Peer peer) {
    return credential.isPresent() ? ofToken(credential.get()) : ofPeer(peer);
  }

  /** Compares with all, so that the time tells nothing about which one was near. */
  private Optional<Principal> ofToken(String token) {
    byte[] hash = sha256(token);
    Optional<Principal> found = Optional.empty();
    for (Known known : tokens) {
      if (MessageDigest.isEqual(known.hash.unsafeArray(), hash)) {
        found = Optional.of(known.principal);
      }
    }
    return found;
  }

  private Optional<Principal> ofPeer(Peer peer) {
    boolean known =
        peer.user().map(localUsers::contains).orElse(unauthenticatedLoopback && peer.loopback());
    return known ? Optional.of(Principal.LOCAL) : Optional.empty();
  }

  private static byte[] parse(String hash) {
    byte[] bytes = HexFormat.of().parseHex(hash.toLowerCase(Locale.ROOT));
    if (bytes.length != 32) {
      throw new IllegalArgumentException(
          "the SHA-256 of a token has 64 hexadecimal digits, not " + hash.length());
    }
    return bytes;
  }

  private static byte[] sha256(String token) {
    try {
      return MessageDigest.getInstance("SHA-256").digest(token.getBytes(StandardCharsets.UTF_8));
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException("each JDK has SHA-256", e);
    }
  }
}
