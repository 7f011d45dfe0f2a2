package io.clawterm.session;

import java.nio.charset.StandardCharsets;
import java.security.GeneralSecurityException;
import java.security.KeyFactory;
import java.security.KeyPairGenerator;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.security.PrivateKey;
import java.security.PublicKey;
import java.security.SecureRandom;
import java.security.Signature;
import java.security.spec.EdECPrivateKeySpec;
import java.security.spec.InvalidKeySpecException;
import java.security.spec.NamedParameterSpec;
import java.security.spec.X509EncodedKeySpec;
import java.util.HexFormat;
import java.util.Locale;

/**
 * The key pair (Ed25519) with which a cluster signs its bundles.
 *
 * <p>What is signed is a line of text with the digest of the bundle, not the bundle: the JDK keeps
 * all that it signs by Ed25519 in memory. docs/reference/bundle.md has the form.
 */
public final class BundleSigner {

  /** How long the seed of a key pair is. */
  public static final int SEED_BYTES = 32;

  private static final String ALGORITHM = "Ed25519";
  private static final String CONTEXT = "clawterm bundle ";

  private final PrivateKey privateKey;
  private final PublicKey publicKey;

  private BundleSigner(PrivateKey privateKey, PublicKey publicKey) {
    this.privateKey = privateKey;
    this.publicKey = publicKey;
  }

  /** The key pair of this seed, 32 random bytes that stay secret. */
  public static BundleSigner ofSeed(byte[] seed) {
    if (seed.length != SEED_BYTES) {
      throw new IllegalArgumentException("a seed has " + SEED_BYTES + " bytes, not " + seed.length);
    }
    try {
      PrivateKey privateKey =
          KeyFactory.getInstance(ALGORITHM)
              .generatePrivate(new EdECPrivateKeySpec(NamedParameterSpec.ED25519, seed));
      // The JDK has no other way to the public key of a private one.
      KeyPairGenerator generator = KeyPairGenerator.getInstance(ALGORITHM);
      generator.initialize(NamedParameterSpec.ED25519, new Given(seed));
      var signer = new BundleSigner(privateKey, generator.generateKeyPair().getPublic());
      if (!isSignature(signer.publicKey, "", signer.sign(""))) {
        throw new IllegalStateException("this JDK makes key pairs in another way");
      }
      return signer;
    } catch (GeneralSecurityException e) {
      throw new IllegalStateException("each JDK has Ed25519", e);
    }
  }

  /** The public key, X.509-encoded. */
  byte[] publicKey() {
    return publicKey.getEncoded();
  }

  /** By what people know the public key: the SHA-256 of its X.509 form. */
  public String fingerprint() {
    return fingerprint(publicKey());
  }

  /** The signature for a bundle with this digest. */
  byte[] sign(String digest) {
    try {
      Signature signature = Signature.getInstance(ALGORITHM);
      signature.initSign(privateKey);
      signature.update(signed(digest));
      return signature.sign();
    } catch (GeneralSecurityException e) {
      throw new IllegalStateException("each JDK has Ed25519", e);
    }
  }

  /** Whether this is a signature by the key for a bundle with this digest. */
  static boolean isSignature(PublicKey key, String digest, byte[] signature) {
    try {
      Signature verifier = Signature.getInstance(ALGORITHM);
      verifier.initVerify(key);
      verifier.update(signed(digest));
      return verifier.verify(signature);
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException("each JDK has Ed25519", e);
    } catch (GeneralSecurityException e) {
      return false; // not the form of a signature, or of a key
    }
  }

  /**
   * Reads a public key.
   *
   * @throws InvalidKeySpecException if it is none
   */
  static PublicKey publicKey(byte[] encoded) throws InvalidKeySpecException {
    try {
      return KeyFactory.getInstance(ALGORITHM).generatePublic(new X509EncodedKeySpec(encoded));
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException("each JDK has Ed25519", e);
    }
  }

  static String fingerprint(byte[] publicKey) {
    try {
      byte[] hash = MessageDigest.getInstance("SHA-256").digest(publicKey);
      return HexFormat.ofDelimiter(":").withUpperCase().formatHex(hash);
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException("each JDK has SHA-256", e);
    }
  }

  /** Whether the text has the form of a fingerprint, with colons or without. */
  public static boolean isFingerprint(String text) {
    return bare(text).matches("[0-9a-f]{64}");
  }

  /** Whether both are the same, however they are written. */
  static boolean isSame(String fingerprint, String other) {
    return bare(fingerprint).equals(bare(other));
  }

  private static String bare(String fingerprint) {
    return fingerprint.strip().replace(":", "").toLowerCase(Locale.ROOT);
  }

  private static byte[] signed(String digest) {
    return (CONTEXT + digest).getBytes(StandardCharsets.US_ASCII);
  }

  /** Random bytes that are given. */
  private static final class Given extends SecureRandom {
    private final byte[] bytes;

    Given(byte[] bytes) {
      this.bytes = bytes.clone();
    }

    @Override
    public void nextBytes(byte[] wanted) {
      if (wanted.length != bytes.length) {
        throw new IllegalStateException("this JDK makes key pairs in another way");
      }
      System.arraycopy(bytes, 0, wanted, 0, wanted.length);
    }
  }
}
