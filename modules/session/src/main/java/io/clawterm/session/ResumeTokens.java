package io.clawterm.session;

import io.clawterm.api.Principal;
import io.clawterm.api.SessionId;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.security.GeneralSecurityException;
import java.security.MessageDigest;
import java.util.Arrays;
import java.util.OptionalLong;
import javax.crypto.Mac;
import javax.crypto.spec.SecretKeySpec;

/**
 * Makes and checks resume tokens: 8 bytes of generation, then 24 bytes of HMAC-SHA-256 over
 * session, principal, device and generation. An edge tells a forged one without waking the session;
 * whether the generation is still good is the session's to say.
 */
public final class ResumeTokens {

  /** The length of a token, in bytes (protocol, field RESUME_TOKEN). */
  public static final int LENGTH = 32;

  private static final int HASH_LENGTH = LENGTH - Long.BYTES;

  private final SecretKeySpec key;

  /** Tokens under the cluster's key, 32 random bytes. */
  public ResumeTokens(byte[] key) {
    if (key.length < 32) {
      throw new IllegalArgumentException("a token key has 32 bytes, not " + key.length);
    }
    this.key = new SecretKeySpec(key, "HmacSHA256");
  }

  /** The token of this generation. */
  public byte[] issue(SessionId session, Principal principal, String device, long generation) {
    byte[] hash = hash(session, principal, device, generation);
    return ByteBuffer.allocate(LENGTH).putLong(generation).put(hash, 0, HASH_LENGTH).array();
  }

  /** The generation, if the token was made here for exactly these; in constant time. */
  public OptionalLong verify(SessionId session, Principal principal, String device, byte[] token) {
    if (token.length != LENGTH) {
      return OptionalLong.empty();
    }
    long generation = ByteBuffer.wrap(token).getLong();
    byte[] expected = Arrays.copyOf(hash(session, principal, device, generation), HASH_LENGTH);
    byte[] given = Arrays.copyOfRange(token, Long.BYTES, LENGTH);
    return MessageDigest.isEqual(expected, given)
        ? OptionalLong.of(generation)
        : OptionalLong.empty();
  }

  private byte[] hash(SessionId session, Principal principal, String device, long generation) {
    byte[] names =
        (principal.tenant() + '\n' + principal.name() + '\n' + device)
            .getBytes(StandardCharsets.UTF_8);
    try {
      Mac mac = Mac.getInstance("HmacSHA256");
      mac.init(key);
      mac.update(ByteBuffer.allocate(12).putInt(session.value()).putLong(generation).array());
      return mac.doFinal(names);
    } catch (GeneralSecurityException e) {
      throw new IllegalStateException("each JDK has HmacSHA256", e);
    }
  }
}
