package io.clawterm.session;

import akka.serialization.jackson.JacksonMigration;
import com.fasterxml.jackson.databind.JsonNode;

/**
 * Version 1 of the form in which a type is stored or sent. The number stands behind the type's name
 * in the manifest; what was written before there were numbers has none, and counts as 1. Named for
 * each type in {@code reference.conf}, created by Akka.
 *
 * <p>A field that is added changes no version: builds before pass over it. A type whose form
 * changes otherwise gets a migration of its own in this one's place (docs/decisions/0018).
 */
final class FirstForm extends JacksonMigration {

  @Override
  public int currentVersion() {
    return 1;
  }

  /** Not to take them: Akka's own refusal of a later version would look like a passing failure. */
  @Override
  public int supportedForwardVersion() {
    return Integer.MAX_VALUE;
  }

  @Override
  public String transformClassName(int fromVersion, String className) {
    throw new IllegalArgumentException(
        className + " has version " + fromVersion + "; this build knows versions up to 1");
  }

  @Override
  public JsonNode transform(int fromVersion, JsonNode json) {
    return json;
  }
}
