package io.clawterm.session;

import com.typesafe.config.Config;
import java.util.List;

/**
 * The limits of bundles; {@code reference.conf} says what each is for.
 *
 * @param maxBytes the largest bundle that is taken in
 * @param maxWaitingBytes input in a bundle that its agent has not consumed
 * @param maxImports imports at once
 * @param trusted fingerprints of signers whose bundles are taken in, besides the own one
 */
public record BundleSettings(
    long maxBytes, long maxWaitingBytes, int maxImports, List<String> trusted) {

  public BundleSettings {
    trusted = List.copyOf(trusted);
    require(maxBytes >= 65_536, "max-bytes must be at least 64 KiB");
    require(maxWaitingBytes >= 65_536, "max-waiting-bytes must be at least 64 KiB");
    require(maxImports >= 1 && maxImports <= 64, "max-imports must be 1 to 64");
    for (String fingerprint : trusted) {
      require(
          BundleSigner.isFingerprint(fingerprint),
          "trusted holds SHA-256 fingerprints of 64 hexadecimal digits, not \""
              + fingerprint
              + "\"");
    }
  }

  /** Reads the block {@code clawterm.bundle}. */
  public static BundleSettings from(Config config) {
    return new BundleSettings(
        config.getBytes("max-bytes"),
        config.getBytes("max-waiting-bytes"),
        config.getInt("max-imports"),
        config.getStringList("trusted"));
  }

  private static void require(boolean holds, String rule) {
    if (!holds) {
      throw new IllegalArgumentException(rule);
    }
  }
}
