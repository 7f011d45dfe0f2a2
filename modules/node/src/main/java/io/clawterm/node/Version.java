package io.clawterm.node;

/** Which version this is. */
final class Version {

  /** As the jar's manifest says. */
  static final String CURRENT = current();

  private Version() {}

  private static String current() {
    String version = Version.class.getPackage().getImplementationVersion();
    return version == null ? "development" : version;
  }
}
