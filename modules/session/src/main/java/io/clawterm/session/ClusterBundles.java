package io.clawterm.session;

import akka.Done;
import akka.NotUsed;
import akka.actor.typed.ActorRef;
import akka.actor.typed.ActorSystem;
import akka.actor.typed.DispatcherSelector;
import akka.cluster.sharding.typed.javadsl.ClusterSharding;
import akka.japi.function.Function;
import akka.stream.javadsl.Sink;
import akka.stream.javadsl.Source;
import akka.util.ByteString;
import io.clawterm.api.Principal;
import io.clawterm.api.SessionId;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.Executor;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeoutException;

/** Bundles of the sessions of a cluster. */
public final class ClusterBundles implements SessionBundles {

  private static final Duration ASK_TIMEOUT = Duration.ofSeconds(10);

  /** The id that the session had, and some more that the bundle's digest gives. */
  private static final int MAX_IDS = 8;

  /** How often an export begins again because the session went on between two of its parts. */
  private static final int MAX_LOOKS = 20;

  private static final long CHUNK_BYTES = 65_536;

  private final ActorSystem<?> system;
  private final ClusterSharding sharding;
  private final SessionLog log;
  private final BundleSigner signer;
  private final BundleSettings settings;
  private final Executor blocking;
  private final Semaphore imports;

  public ClusterBundles(
      ActorSystem<?> system, SessionLog log, BundleSigner signer, BundleSettings settings) {
    this.system = system;
    this.sharding = ClusterSharding.get(system);
    this.log = log;
    this.signer = signer;
    this.settings = settings;
    this.blocking = system.dispatchers().lookup(DispatcherSelector.blocking());
    this.imports = new Semaphore(settings.maxImports());
  }

  @Override
  public long maxBytes() {
    return settings.maxBytes();
  }

  // ---- export ----

  @Override
  public CompletionStage<Export> export(Principal principal, SessionId session) {
    return look(principal, session, List.of(), Optional.empty(), MAX_LOOKS);
  }

  /** Asks for part after part of the input that waits, until all are of the same commit. */
  private CompletionStage<Export> look(
      Principal principal,
      SessionId session,
      List<TargetCommand.TargetInput> before,
      Optional<Long> commit,
      int looks) {
    long after = before.isEmpty() ? 0 : before.getLast().number();
    return this.<ExportReply>ask(
            session, replyTo -> new SessionCommand.Export(principal, after, replyTo))
        .thenCompose(reply ->
            switch (reply) {
              case ExportReply.NoSuchSession none -> now(new Export.NoSuchSession());
              case ExportReply.NotMovable not -> now(new Export.NotMovable(not.target()));
              case ExportReply.Exported part -> {
                if (commit.isPresent() && commit.get() != part.commit()) {
                  yield looks == 0
                      ? CompletableFuture.failedFuture(
                          new TimeoutException("the session is too busy"))
                      : look(principal, session, List.of(), Optional.empty(), looks - 1);
                }
                List<TargetCommand.TargetInput> inputs = new ArrayList<>(before);
                inputs.addAll(part.inputs());
                yield inputs.size() >= part.manifest().waiting()
                    ? now(bundle(part, inputs))
                    : look(principal, session, inputs, Optional.of(part.commit()), looks);
              }
            });
  }

  private static CompletionStage<Export> now(Export export) {
    return CompletableFuture.completedFuture(export);
  }

  private Export bundle(ExportReply.Exported part, List<TargetCommand.TargetInput> inputs) {
    BundleManifest manifest = part.manifest();
    var content =
        Source.lazySource(
                () -> {
                  var writer = new BundleWriter(manifest, signer);
                  Source<ByteString, NotUsed> entries =
                      log.read(manifest.session(), part.journal(), manifest.firstNumber())
                          .takeWhile(entry -> entry.number() <= manifest.headNumber())
                          .map(writer::entry);
                  return Source.lazySingle(writer::manifest)
                      .concatLazy(entries)
                      .concatLazy(Source.from(inputs).map(writer::input))
                      .concatLazy(Source.lazySingle(writer::signature))
                      .groupedWeighted(CHUNK_BYTES, line -> (long) line.size())
                      .map(lines ->
                          lines.stream().reduce(ByteString.emptyByteString(), ByteString::concat));
                })
            .mapMaterializedValue(stage -> NotUsed.getInstance());
    return new Export.Bundle(manifest, signer.fingerprint(), content);
  }

  // ---- import ----

  @Override
  public CompletionStage<Import> importFrom(
      Principal principal, Source<ByteString, ?> content, Optional<String> trust) {
    // Before the upload: what waits in files is bounded as well.
    if (!imports.tryAcquire()) {
      return CompletableFuture.completedFuture(new Import.Busy());
    }
    return CompletableFuture.supplyAsync(this::file, blocking)
        .thenCompose(file ->
            receive(content, file)
                .thenApplyAsync(received -> take(principal, file, trust), blocking)
                .whenComplete((done, failure) -> close(file)))
        .whenComplete((done, failure) -> imports.release());
  }

  private BundleFile file() {
    try {
      return BundleFile.create(settings);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private CompletionStage<Done> receive(Source<ByteString, ?> content, BundleFile file) {
    return content.runWith(
        Sink.foreachAsync(
            1, bytes -> CompletableFuture.runAsync(() -> write(file, bytes), blocking)),
        system);
  }

  private static void write(BundleFile file, ByteString bytes) {
    try {
      file.write(bytes.asByteBuffer());
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private static void close(BundleFile file) {
    try {
      file.close();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private Import take(Principal principal, BundleFile file, Optional<String> trust) {
    try {
      BundleFile.Verified verified = file.verify(signer -> isTrusted(signer, trust));
      return store(principal, file, verified);
    } catch (InvalidBundleException e) {
      return new Import.Invalid(e.reason(), String.valueOf(e.getMessage()));
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private boolean isTrusted(String fingerprint, Optional<String> trust) {
    return BundleSigner.isSame(fingerprint, signer.fingerprint())
        || settings.trusted().stream().anyMatch(one -> BundleSigner.isSame(fingerprint, one))
        || trust.stream().anyMatch(one -> BundleSigner.isSame(fingerprint, one));
  }

  /** Under the id that the session had, or else under one that the same bundle finds again. */
  private Import store(Principal principal, BundleFile file, BundleFile.Verified verified)
      throws IOException, InvalidBundleException {
    Optional<ImportReply.Taken> taken = Optional.empty();
    for (int attempt = 0; attempt < MAX_IDS; attempt++) {
      SessionId id = candidate(principal, verified, attempt);
      var filling = new Filling(principal, file, verified, id);
      switch (filling.run()) {
        case ImportReply.Here here -> {
          String key = here.now() ? here.key().orElse("") : bindAgain(principal, id, here.key());
          return new Import.Done(
              id, here.now(), key, verified.manifest(), verified.fingerprint(), taken);
        }
        case ImportReply.NoTarget none -> {
          return new Import.NoTarget(none.text());
        }
        case ImportReply.Taken other -> taken = attempt == 0 ? Optional.of(other) : taken;
        // Not another id: where the import that has this one is never ended, a repetition would
        // find this one free, and the bundle would be two sessions.
        case ImportReply.Displaced displaced -> {
          return new Import.Displaced(id);
        }
        case ImportReply.Standing standing ->
            throw new IllegalStateException("an import has not ended: " + standing);
      }
    }
    throw new IllegalStateException("no id is free for a bundle");
  }

  private static SessionId candidate(
      Principal principal, BundleFile.Verified verified, int attempt) {
    if (attempt == 0) {
      return verified.manifest().session();
    }
    MessageDigest digest = BundleWriter.sha256();
    String seed =
        verified.digest() + '\n' + principal.tenant() + '\n' + principal.name() + '\n' + attempt;
    int value = ByteBuffer.wrap(digest.digest(seed.getBytes(StandardCharsets.UTF_8))).getInt();
    return new SessionId(value == 0 ? 1 : value);
  }

  /** A crash may have come between the session and its key. */
  private String bindAgain(Principal principal, SessionId id, Optional<String> key) {
    key.ifPresent(name -> bind(principal, id, name));
    return key.orElse("");
  }

  /** Whether the key leads to the session from now on: not where it leads to an open one. */
  private boolean bind(Principal principal, SessionId id, String key) {
    SessionId bound = resolve(principal, id, key, Optional.empty());
    if (bound.equals(id)) {
      return true;
    }
    SessionCommand.Description there = await(ask(bound, SessionCommand.Describe::new));
    return !there.phase().equals("open")
        && resolve(principal, id, key, Optional.of(bound)).equals(id);
  }

  private SessionId resolve(
      Principal principal, SessionId id, String key, Optional<SessionId> unlike) {
    return await(
            sharding
                .entityRefFor(DirectoryEntity.TYPE, principal.tenant() + "/" + key)
                .<DirectoryEntity.Resolved>ask(
                    replyTo -> new DirectoryEntity.Resolve(id, unlike, Optional.empty(), replyTo),
                    ASK_TIMEOUT))
        .session();
  }

  private <T> CompletionStage<T> ask(
      SessionId session, Function<ActorRef<T>, SessionCommand> command) {
    return sharding.entityRefFor(SessionEntity.TYPE, session.toString()).ask(command, ASK_TIMEOUT);
  }

  private static <T> T await(CompletionStage<T> stage) {
    return stage.toCompletableFuture().join();
  }

  /**
   * One bundle being stored under one id, step by step, each after the answer to the one before.
   */
  private final class Filling implements BundleFile.Content {

    private final Principal principal;
    private final BundleFile file;
    private final BundleFile.Verified verified;
    private final SessionId id;
    private final List<Entry> entries = new ArrayList<>();
    private final List<TargetCommand.TargetInput> inputs = new ArrayList<>();
    private long bytes;
    private long lastEntry;
    private ImportReply.Standing standing = new ImportReply.Standing(0, 0);

    Filling(Principal principal, BundleFile file, BundleFile.Verified verified, SessionId id) {
      this.principal = principal;
      this.file = file;
      this.verified = verified;
      this.id = id;
    }

    /** How it ended; never {@link ImportReply.Standing}. */
    ImportReply run() throws IOException, InvalidBundleException {
      BundleManifest manifest = verified.manifest();
      try {
        stand(replyTo ->
            new SessionCommand.BeginImport(
                principal, verified.digest(), manifest.firstNumber(), manifest.target(), replyTo));
        file.read(manifest, this);
        flush();
        String key = key(manifest);
        stand(replyTo ->
            new SessionCommand.EndImport(principal, verified.digest(), manifest, key, replyTo));
      } catch (Ended ended) {
        return ended.reply;
      }
      return new ImportReply.Displaced(); // what stands is no more what has been stored
    }

    @Override
    public void entry(LogEntry entry) {
      if (entry.number() <= standing.headNumber()) {
        return; // an import before has stored it
      }
      if (bytes + entry.entry().size() > BundleSteps.PART_BYTES) {
        flush();
      }
      if (entry.number() > standing.headNumber()) {
        entries.add(entry.entry());
        lastEntry = entry.number();
        bytes += entry.entry().size();
      }
    }

    @Override
    public void input(TargetCommand.TargetInput input) {
      if (!entries.isEmpty() || bytes + BundleSteps.size(input) > BundleSteps.PART_BYTES) {
        flush();
      }
      if (input.number() > standing.inputNumber()) {
        inputs.add(input);
        bytes += BundleSteps.size(input);
      }
    }

    private void flush() {
      if (!entries.isEmpty()) {
        List<Entry> part = List.copyOf(entries);
        long first = lastEntry - part.size() + 1;
        stand(replyTo ->
            new SessionCommand.ImportEntries(principal, verified.digest(), first, part, replyTo));
        if (standing.headNumber() < lastEntry) {
          throw new Ended(new ImportReply.Displaced());
        }
      } else if (!inputs.isEmpty()) {
        List<TargetCommand.TargetInput> part = List.copyOf(inputs);
        stand(
            replyTo -> new SessionCommand.ImportInput(principal, verified.digest(), part, replyTo));
      }
      entries.clear();
      inputs.clear();
      bytes = 0;
    }

    private void stand(Function<ActorRef<ImportReply>, SessionCommand> step) {
      standing =
          switch (await(ask(id, step))) {
            case ImportReply.Standing now -> now;
            case ImportReply.Here here -> throw new Ended(here);
            case ImportReply.Taken taken -> throw new Ended(taken);
            case ImportReply.Displaced displaced -> throw new Ended(displaced);
            case ImportReply.NoTarget none -> throw new Ended(none);
          };
    }

    /** The bundle's key, unless it leads to another session that is open. */
    private String key(BundleManifest manifest) {
      List<String> names = new ArrayList<>();
      manifest.key().ifPresent(names::add);
      manifest.key().map(key -> key + "-" + id).filter(Sessions::isUsableKey).ifPresent(names::add);
      names.add("session-" + id);
      names.add("session-" + id + "-" + verified.digest());
      return names.stream()
          .filter(name -> bind(principal, id, name))
          .findFirst()
          .orElseThrow(() -> new IllegalStateException("no key is free for a bundle"));
    }
  }

  /** There is nothing more to store under this id. */
  private static final class Ended extends RuntimeException {
    private static final long serialVersionUID = 1;
    private final transient ImportReply reply;

    Ended(ImportReply reply) {
      super("the import has ended", null, false, false);
      this.reply = reply;
    }
  }
}
