package io.clawterm.http;

import io.clawterm.api.Principal;
import java.util.Optional;

/** Establishes who sends a request. */
@FunctionalInterface
public interface Authentication {

  /** The principal whom this bearer token belongs to, or nobody. It must not block. */
  Optional<Principal> principalOf(String bearerToken);
}
