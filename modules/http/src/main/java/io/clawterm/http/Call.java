package io.clawterm.http;

import akka.http.javadsl.model.HttpRequest;
import io.clawterm.api.Principal;
import java.util.Optional;

/**
 * A request of somebody who is known.
 *
 * @param parameter what stands in the path's place for a parameter; empty without one
 * @param id of the request, for problems
 */
record Call(HttpRequest request, Principal principal, String parameter, String id) {

  Optional<String> query(String name) {
    return request.getUri().query().get(name);
  }
}
