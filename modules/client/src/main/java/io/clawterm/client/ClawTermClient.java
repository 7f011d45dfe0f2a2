package io.clawterm.client;

import io.clawterm.api.SessionId;
import io.clawterm.client.StoredSession.Owner;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.Set;
import java.util.UUID;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.Executor;
import java.util.concurrent.Executors;
import java.util.concurrent.ScheduledExecutorService;
import java.util.function.Supplier;

/**
 * A client of one server: opens sessions, goes on with them, and keeps them attached by itself. May
 * be used by several threads; {@link #close()} lets go of all its sessions, which live on.
 */
public final class ClawTermClient implements AutoCloseable {
  private final ClientSettings settings;
  private final Links links;
  private final SessionStore store;
  private final ScheduledExecutorService scheduler =
      Executors.newSingleThreadScheduledExecutor(
          Thread.ofVirtual().name("clawterm-client-timer").factory());
  private final Executor callbacks =
      task -> Thread.ofVirtual().name("clawterm-callback").start(task);
  private final Set<SessionDriver> open = ConcurrentHashMap.newKeySet();

  private ClawTermClient(ClientSettings settings, Links links, SessionStore store) {
    this.settings = settings;
    this.links = links;
    this.store = store;
  }

  /** A client to be set up. */
  public static Builder builder() {
    return new Builder();
  }

  /**
   * Opens or joins a session. A lost answer is made up for: the same session is given again.
   *
   * @return fails with a {@link ClientException}: {@link ClientException.Unreachable} when the
   *     client's patience is over, else at once with what the server says
   */
  public CompletionStage<ClientSession> connect(ConnectOptions options) {
    return begin(SessionDriver.connecting(settings, links, store, scheduler, callbacks, options));
  }

  /** Goes on with a session of the token file, all as it was. */
  public CompletionStage<ClientSession> resume(SessionId session) {
    return resume(session, ResumeOptions.asBefore());
  }

  /**
   * Goes on with a session of the token file: input that an earlier process could not bring over is
   * sent, and output begins after the last number that it had handled. That number may lag behind
   * by what was handled within a second before a crash; an application that must not see these
   * again stores its own number and gives it here.
   *
   * @throws ClientException.UnknownSession where the token file doesn't know it
   * @throws ClientException.InUse where another live process has it open
   */
  public CompletionStage<ClientSession> resume(SessionId session, ResumeOptions options) {
    StoredSession stored = store.claim(settings.address(), session, settings.device());
    return begin(
        SessionDriver.resuming(settings, links, store, scheduler, callbacks, stored, options));
  }

  private CompletionStage<ClientSession> begin(SessionDriver driver) {
    open.add(driver);
    var session = new ClientSession(driver);
    CompletionStage<ClientSession> attached = driver.attached().thenApply(done -> session);
    driver.start(() -> open.remove(driver));
    return attached;
  }

  /** The sessions at this server that the token file has tokens for, the newest first. */
  public List<KnownSession> sessions() {
    return store.all().stream()
        .filter(stored -> stored.server().equals(settings.address().toString()))
        .sorted(Comparator.comparingLong(StoredSession::savedAt).reversed())
        .map(ClawTermClient::known)
        .toList();
  }

  /** Removes a session's token; the session itself lives on. */
  public void forget(SessionId session) {
    store.remove(settings.address(), session);
  }

  /** Lets go of all sessions, each as {@link ClientSession#close} does. */
  @Override
  public void close() {
    List<SessionDriver> drivers = List.copyOf(open);
    drivers.forEach(SessionDriver::leave);
    Instant limit = Instant.now().plusSeconds(5);
    for (SessionDriver driver : drivers) {
      Duration left = Duration.between(Instant.now(), limit);
      driver.awaitEnd(left.isPositive() ? left : Duration.ofMillis(1));
    }
    scheduler.shutdownNow();
    store.close();
  }

  private static KnownSession known(StoredSession stored) {
    Owner owner = stored.owner();
    return new KnownSession(
        SessionId.of(stored.id()),
        Optional.ofNullable(stored.key()),
        stored.target(),
        stored.device(),
        stored.received(),
        stored.unacknowledged().size(),
        Instant.ofEpochMilli(stored.savedAt()),
        owner != null && owner.alive() ? OptionalLong.of(owner.pid()) : OptionalLong.empty());
  }

  /** A client being set up; only the address must be given. */
  public static final class Builder {
    private List<ServerAddress> addresses = List.of();
    private Supplier<Optional<String>> credential = Optional::empty;
    private String device = "client";
    private Optional<Path> tokenFile = Optional.empty();
    private Optional<Path> knownServers = Optional.empty();
    private Optional<String> fingerprint = Optional.empty();
    private boolean trustOnFirstUse;
    private SessionListener listener = (session, event) -> {};
    private Duration minBackoff = Duration.ofMillis(100);
    private Duration maxBackoff = Duration.ofSeconds(10);
    private Duration patience = Duration.ofSeconds(10);
    private Optional<Duration> giveUpAfter = Optional.empty();
    private Duration answerTimeout = Duration.ofSeconds(10);
    private long windowBytes = 256 * 1024;
    private int maxUnacknowledged = 1_024;
    private long maxUnacknowledgedBytes = 1024 * 1024;

    private Builder() {}

    /** Where the server is. */
    public Builder address(ServerAddress server) {
      return addresses(List.of(server));
    }

    /**
     * Where the nodes of one cluster are. They are tried one after the other, the first one first,
     * and the others in an order that is drawn for each session, so that not all clients of a dead
     * node go to the same one. The token file keeps sessions under the first, so it must stay the
     * same.
     */
    public Builder addresses(List<ServerAddress> nodes) {
      this.addresses = List.copyOf(nodes);
      return this;
    }

    /** The bearer token to show. */
    public Builder credential(String token) {
      return credential(() -> Optional.of(token));
    }

    /** Where to get the bearer token, asked at each connection. */
    public Builder credential(Supplier<Optional<String>> source) {
      this.credential = source;
      return this;
    }

    /** The name of this device, 1 to 64 bytes, the same each time; unless set, {@code client}. */
    public Builder device(String name) {
      this.device = name;
      return this;
    }

    /**
     * Keeps tokens, cursors and unacknowledged input in this file, so that a later process goes on
     * exactly. It is made with mode 0600; without one they live as long as this client.
     */
    public Builder tokenFile(Path file) {
      this.tokenFile = Optional.of(file);
      return this;
    }

    /**
     * Trusts the certificate with this SHA-256 fingerprint, and no other. A server that has shown
     * it is remembered in {@link #knownServers}, where that is set.
     */
    public Builder trustFingerprint(String sha256) {
      this.fingerprint = Optional.of(CertificateTrust.normalized(sha256));
      return this;
    }

    /** Trusts also the certificates in this file, a line of host:port and fingerprint each. */
    public Builder knownServers(Path file) {
      this.knownServers = Optional.of(file);
      return this;
    }

    /** Writes the certificate of a server that isn't in {@link #knownServers} there, unseen. */
    public Builder trustOnFirstUse(boolean trust) {
      this.trustOnFirstUse = trust;
      return this;
    }

    /** Who hears about connections lost and made again. */
    public Builder listener(SessionListener hears) {
      this.listener = hears;
      return this;
    }

    /**
     * The shortest and the longest wait before a reconnect: 100 ms and 10 s unless set. Where the
     * server says when to come, that counts; from the fourth time in a row on this wait as well, up
     * to a second.
     */
    public Builder backoff(Duration min, Duration max) {
      this.minBackoff = min;
      this.maxBackoff = max;
      return this;
    }

    /** How long a first attachment may take over all attempts: 10 s unless set; 0: one attempt. */
    public Builder patience(Duration limit) {
      this.patience = limit;
      return this;
    }

    /** How long an attached session may be without connection; for ever unless set. */
    public Builder giveUpAfter(Duration limit) {
      this.giveUpAfter = Optional.of(limit);
      return this;
    }

    /** How long one connection may take to open, and then to answer: 10 s each unless set. */
    public Builder answerTimeout(Duration limit) {
      this.answerTimeout = limit;
      return this;
    }

    /** Output held for a slow consumer, in bytes: 256 KB unless set, at least 128 KB. */
    public Builder window(long bytes) {
      this.windowBytes = bytes;
      return this;
    }

    /** Input that may be unacknowledged: 1,024 frames and 1 MB unless set. */
    public Builder unacknowledged(int maxFrames, long maxBytes) {
      this.maxUnacknowledged = maxFrames;
      this.maxUnacknowledgedBytes = maxBytes;
      return this;
    }

    /**
     * The client.
     *
     * @throws IllegalArgumentException where a setting is out of its range, or no address is given
     */
    public ClawTermClient build() {
      var settings =
          new ClientSettings(
              addresses,
              credential,
              device,
              listener,
              minBackoff,
              maxBackoff,
              patience,
              giveUpAfter,
              answerTimeout,
              windowBytes,
              maxUnacknowledged,
              maxUnacknowledgedBytes);
      var links =
          new Links(
              answerTimeout, fingerprint, knownServers.map(KnownServers::new), trustOnFirstUse);
      Owner me = Owner.ofThisProcess(UUID.randomUUID().toString());
      SessionStore store =
          tokenFile
              .<SessionStore>map(file -> new FileStore(file, me))
              .orElseGet(() -> new MemoryStore(me));
      return new ClawTermClient(settings, links, store);
    }
  }
}
