package io.clawterm.edge;

import akka.Done;
import akka.NotUsed;
import akka.actor.typed.ActorSystem;
import akka.stream.Materializer;
import akka.stream.OverflowStrategy;
import akka.stream.QueueOfferResult;
import akka.stream.javadsl.Flow;
import akka.stream.javadsl.Keep;
import akka.stream.javadsl.Sink;
import akka.stream.javadsl.Source;
import akka.stream.javadsl.SourceQueueWithComplete;
import akka.util.ByteString;
import java.io.IOException;
import java.net.ConnectException;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.AsynchronousCloseException;
import java.nio.channels.ClosedChannelException;
import java.nio.channels.ServerSocketChannel;
import java.nio.channels.SocketChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.attribute.BasicFileAttributes;
import java.nio.file.attribute.PosixFilePermissions;
import java.nio.file.attribute.UserPrincipal;
import java.time.Duration;
import java.util.HashSet;
import java.util.Locale;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;
import jdk.net.ExtendedSocketOptions;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * A listener on a Unix socket; the user of the peer's process is its credential.
 *
 * <p>Akka has no Unix sockets, so each connection has two virtual threads of the JDK: one that
 * reads, held back by a queue of one element, and one that writes while there is something.
 */
public final class UnixEdge implements AutoCloseable {

  private static final Logger LOG = LoggerFactory.getLogger(UnixEdge.class);
  private static final int READ_BYTES = 16 * 1024;
  private static final Duration ACCEPT_PAUSE = Duration.ofMillis(100);

  private final Path path;
  private final ServerSocketChannel server;
  private final Edge edge;
  private final Materializer materializer;
  private final ExecutorService threads;

  private UnixEdge(Path path, ServerSocketChannel server, Edge edge, Materializer materializer) {
    this.path = path;
    this.server = server;
    this.edge = edge;
    this.materializer = materializer;
    this.threads =
        Executors.newThreadPerTaskExecutor(Thread.ofVirtual().name("unix-edge-", 0).factory());
  }

  /**
   * Listens on a socket file of mode 0600. One that a process left behind is replaced, if nobody
   * answers on it.
   *
   * @throws IOException if it can't listen there; the message says what to do
   */
  public static UnixEdge bind(ActorSystem<?> system, Edge edge, Path path) throws IOException {
    requireShort(path);
    requireFree(path);
    ServerSocketChannel server = ServerSocketChannel.open(StandardProtocolFamily.UNIX);
    try {
      server.bind(UnixDomainSocketAddress.of(path), edge.settings().tcpBacklog());
      Files.setPosixFilePermissions(path, PosixFilePermissions.fromString("rw-------"));
    } catch (IOException e) {
      server.close();
      throw new IOException("can't listen on " + path + ": " + e.getMessage(), e);
    }
    var unix = new UnixEdge(path, server, edge, Materializer.matFromSystem(system));
    unix.threads.execute(unix::accept);
    return unix;
  }

  /**
   * The users who are the local principal on a Unix socket: the one that this server runs as, who
   * owns this file, and root, who could take its place anyway.
   *
   * @param own a file that this process has made
   */
  public static Set<UserPrincipal> localUsers(Path own) throws IOException {
    Set<UserPrincipal> users = new HashSet<>();
    users.add(Files.getOwner(own));
    users.add(own.getFileSystem().getUserPrincipalLookupService().lookupPrincipalByName("root"));
    return users;
  }

  /** The address of a socket is a field of 108 bytes in Linux and 104 in macOS, with a zero. */
  private static void requireShort(Path path) throws IOException {
    boolean mac = System.getProperty("os.name", "").toLowerCase(Locale.ROOT).contains("mac");
    int max = mac ? 103 : 107;
    int length = path.toString().getBytes(StandardCharsets.UTF_8).length;
    if (length > max) {
      throw new IOException(
          "the path of the Unix socket has "
              + length
              + " bytes, the system takes "
              + max
              + "; choose a data folder with a shorter path (--data): "
              + path);
    }
  }

  private static void requireFree(Path path) throws IOException {
    if (!Files.exists(path, LinkOption.NOFOLLOW_LINKS)) {
      return;
    }
    var attributes =
        Files.readAttributes(path, BasicFileAttributes.class, LinkOption.NOFOLLOW_LINKS);
    if (!attributes.isOther()) {
      throw new IOException(path + " is in the way and is no socket; move it away");
    }
    try {
      SocketChannel.open(UnixDomainSocketAddress.of(path)).close();
      throw new IOException(
          "somebody listens on " + path + " already; is a node running on this data folder?");
    } catch (ConnectException e) {
      LOG.atInfo().addKeyValue("path", path).log("replacing the socket of a process that is gone");
      Files.delete(path);
    }
  }

  /** Takes no more connections and removes the socket file; connections that are open stay. */
  @Override
  public void close() throws IOException {
    server.close();
    Files.deleteIfExists(path);
  }

  private void accept() {
    while (server.isOpen()) {
      try {
        serve(server.accept());
      } catch (ClosedChannelException e) {
        return;
      } catch (IOException e) {
        // Such as too many open files: others may close theirs.
        LOG.atWarn().setCause(e).log("a connection could not be accepted");
        if (!pause()) {
          return;
        }
      }
    }
  }

  private static boolean pause() {
    try {
      Thread.sleep(ACCEPT_PAUSE);
      return true;
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      return false;
    }
  }

  private void serve(SocketChannel channel) throws IOException {
    UserPrincipal user;
    try {
      user = channel.getOption(ExtendedSocketOptions.SO_PEERCRED).user();
    } catch (IOException | UnsupportedOperationException e) {
      channel.close();
      throw new IOException("the user of a peer is not known", e);
    }
    bytes(channel)
        .join(edge.connection(Peer.of(user), ConnectionStage.Framing.STREAM))
        .run(materializer);
  }

  /** The socket as a flow, in the way of Akka's TCP: either direction may end first. */
  private Flow<ByteString, ByteString, NotUsed> bytes(SocketChannel channel) {
    Source<ByteString, SourceQueueWithComplete<ByteString>> received =
        Source.queue(1, OverflowStrategy.backpressure());
    Sink<ByteString, CompletionStage<Done>> sent =
        Flow.<ByteString>create()
            .mapAsync(
                1, bytes -> CompletableFuture.supplyAsync(() -> write(channel, bytes), threads))
            .toMat(Sink.ignore(), Keep.right());
    return Flow.fromSinkAndSourceMat(
        sent,
        received,
        (written, queue) -> {
          threads.execute(() -> read(channel, queue));
          CompletableFuture<Done> output =
              written
                  .whenComplete((done, failure) -> endOutput(channel, queue, failure))
                  .toCompletableFuture();
          // Once nothing more is taken, what is being written has a moment left.
          var unused =
              queue.watchCompletion().whenComplete((done, failure) -> closeAfter(output, channel));
          return NotUsed.getInstance();
        });
  }

  private void read(SocketChannel channel, SourceQueueWithComplete<ByteString> queue) {
    ByteBuffer buffer = ByteBuffer.allocate(READ_BYTES);
    try {
      while (channel.read(buffer.clear()) >= 0) {
        ByteString bytes = ByteString.fromByteBuffer(buffer.flip());
        QueueOfferResult taken = queue.offer(bytes).toCompletableFuture().join();
        if (!taken.isEnqueued()) {
          return;
        }
      }
      queue.complete();
    } catch (AsynchronousCloseException e) {
      // Our own side has closed it.
      queue.complete();
    } catch (IOException | CompletionException e) {
      queue.fail(e);
    }
  }

  private static Done write(SocketChannel channel, ByteString bytes) {
    try {
      ByteBuffer buffer = bytes.asByteBuffer();
      while (buffer.hasRemaining()) {
        channel.write(buffer);
      }
      return Done.getInstance();
    } catch (IOException e) {
      throw new CompletionException(e);
    }
  }

  private static void endOutput(
      SocketChannel channel, SourceQueueWithComplete<ByteString> queue, Throwable failure) {
    if (failure != null) {
      queue.fail(failure);
      return;
    }
    try {
      channel.shutdownOutput();
    } catch (IOException e) {
      queue.fail(e);
    }
  }

  private void closeAfter(CompletableFuture<Done> output, SocketChannel channel) {
    var unused =
        output
            .copy()
            .completeOnTimeout(
                Done.getInstance(), edge.settings().linger().toMillis(), TimeUnit.MILLISECONDS)
            .whenComplete((done, failure) -> close(channel));
  }

  private static void close(SocketChannel channel) {
    try {
      channel.close();
    } catch (IOException e) {
      LOG.atDebug().setCause(e).log("a connection could not be closed");
    }
  }
}
