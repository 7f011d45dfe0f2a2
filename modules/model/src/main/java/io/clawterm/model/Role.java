package io.clawterm.model;

/** Who said a {@link Turn}. */
public enum Role {
  USER,
  ASSISTANT
}
