package io.clawterm.node;

import akka.actor.Cancellable;
import akka.actor.typed.ActorSystem;
import akka.actor.typed.DispatcherSelector;
import io.clawterm.api.Principal;
import io.clawterm.edge.TokenAuthenticator;
import io.clawterm.storage.AccessTokens;
import io.clawterm.storage.StorageException;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.HashMap;
import java.util.Map;
import javax.sql.DataSource;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** A device may come with the token that it has of another node of the cluster. */
final class TokenExchange {

  private static final Logger LOG = LoggerFactory.getLogger(TokenExchange.class);

  /** How soon a node knows the token of another one's data folder. */
  private static final Duration INTERVAL = Duration.ofSeconds(5);

  private final AccessTokens tokens;
  private final TokenAuthenticator authenticator;
  private final String folder;
  private final String hash;

  private TokenExchange(Path data, DataSource database, TokenAuthenticator authenticator)
      throws IOException {
    this.tokens = new AccessTokens(database);
    this.authenticator = authenticator;
    this.folder = AccessToken.folderId(data);
    this.hash = TokenAuthenticator.hash(AccessToken.readOrMake(data));
  }

  /** Exchanges now, and from then on until it is cancelled. */
  static Cancellable start(
      Path data, ActorSystem<?> system, DataSource database, TokenAuthenticator authenticator)
      throws IOException {
    var exchange = new TokenExchange(data, database, authenticator);
    exchange.run();
    return system
        .scheduler()
        .scheduleWithFixedDelay(
            INTERVAL,
            INTERVAL,
            exchange::runAgain,
            system.dispatchers().lookup(DispatcherSelector.blocking()));
  }

  private void run() {
    Map<String, Principal> all = new HashMap<>();
    tokens.exchange(folder, hash).forEach(known -> all.put(known, Principal.LOCAL));
    authenticator.replaceTokens(all);
  }

  private void runAgain() {
    try {
      run();
    } catch (StorageException e) {
      LOG.atWarn()
          .addKeyValue("failure", e.getMessage())
          .log("tokens of new nodes are not known yet: the database does not answer");
    }
  }
}
