package io.clawterm.edge;

import com.sun.security.auth.module.UnixSystem;
import io.micrometer.core.instrument.Counter;
import io.micrometer.core.instrument.Gauge;
import io.micrometer.core.instrument.MeterRegistry;
import java.io.IOException;
import java.nio.file.ClosedWatchServiceException;
import java.nio.file.DirectoryStream;
import java.nio.file.FileSystems;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardWatchEventKinds;
import java.nio.file.WatchKey;
import java.nio.file.WatchService;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;
import java.util.SortedMap;
import java.util.SortedSet;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The pods whose sockets are in the folder, as they appear and vanish.
 *
 * <p>The file system tells of changes; the folder is read again from time to time for file systems
 * that don't. A socket counts when its name is one and its owner is the node's user, root or a
 * configured one: a link, or a file that is no socket, never does. Safe for use by all threads.
 */
public final class PodRegistry implements Pods, AutoCloseable {

  /** What a pod may be called. */
  static final Pattern NAME = Pattern.compile("[A-Za-z0-9._-]{1,64}");

  private static final Logger log = LoggerFactory.getLogger(PodRegistry.class);
  private static final String SUFFIX = ".sock";
  private static final int FILE_TYPE = 0170000;
  private static final int SOCKET = 0140000;
  private static final int ROOT = 0;

  private final PodSettings settings;
  private final int ownUid;
  private final WatchService watches;
  private final Thread watcher;
  private final List<Consumer<Set<String>>> listeners = new CopyOnWriteArrayList<>();
  private final Counter strangers;

  private volatile SortedMap<String, Found> pods = new TreeMap<>();
  private @Nullable WatchKey watch;

  /** A socket file; another inode is another pod process, though the name is the same. */
  private record Found(Path socket, Map<String, Object> attributes) {}

  private PodRegistry(PodSettings settings, WatchService watches, MeterRegistry meters) {
    this.settings = settings;
    this.watches = watches;
    this.ownUid = (int) new UnixSystem().getUid();
    this.strangers = meters.counter("clawterm.edge.pods.refused");
    Gauge.builder("clawterm.edge.pods", this, registry -> registry.pods.size()).register(meters);
    this.watcher = Thread.ofVirtual().name("clawterm-pods").unstarted(this::watch);
  }

  /**
   * Creates the folder where it is missing, with mode 0700, reads it and begins to watch it.
   *
   * @throws IOException where the folder can't be made or read
   */
  public static PodRegistry open(PodSettings settings, MeterRegistry meters) throws IOException {
    createFolder(settings.folder());
    WatchService watches = FileSystems.getDefault().newWatchService();
    var registry = new PodRegistry(settings, watches, meters);
    try {
      registry.register();
      registry.scan();
    } catch (IOException e) {
      watches.close();
      throw e;
    }
    registry.watcher.start();
    return registry;
  }

  @Override
  public SortedSet<String> names() {
    return new TreeSet<>(pods.keySet());
  }

  @Override
  public Optional<PodRoute> route(String name) {
    return find(name).map(socket -> () -> PodSocket.open(socket));
  }

  /** The socket of a pod, if it is there now. */
  Optional<Path> find(String name) {
    return Optional.ofNullable(pods.get(name)).map(Found::socket);
  }

  /** The names with a number each, which is another one where another process has the socket. */
  Map<String, Integer> stamps() {
    Map<String, Integer> stamps = new TreeMap<>();
    pods.forEach((name, found) -> stamps.put(name, found.attributes().hashCode()));
    return stamps;
  }

  @Override
  public Registration onChange(Consumer<Set<String>> listener) {
    listeners.add(listener);
    return () -> listeners.remove(listener);
  }

  /** The folder, for messages. */
  Path folder() {
    return settings.folder();
  }

  @Override
  public void close() {
    try {
      watches.close();
    } catch (IOException e) {
      log.atWarn().setCause(e).log("the watch on the pods' folder was not closed");
    }
  }

  private static void createFolder(Path folder) throws IOException {
    if (!Files.isDirectory(folder)) {
      Files.createDirectories(
          folder,
          PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rwx------")));
    }
  }

  private void register() throws IOException {
    watch =
        settings
            .folder()
            .register(
                watches,
                StandardWatchEventKinds.ENTRY_CREATE,
                StandardWatchEventKinds.ENTRY_DELETE,
                // A change of owner is one; so is a rename, as both of the others.
                StandardWatchEventKinds.ENTRY_MODIFY);
  }

  private void watch() {
    try {
      while (true) {
        WatchKey key = watches.poll(settings.rescanInterval().toMillis(), TimeUnit.MILLISECONDS);
        if (key != null) {
          // What happened doesn't matter, even an overflow: the folder is read as it is now.
          key.pollEvents();
        }
        if (key == null || !key.reset()) {
          restore();
        }
        scanSafely();
      }
    } catch (ClosedWatchServiceException e) {
      log.atDebug().log("the pods' folder is not watched any more");
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  /** Watches again where the folder was removed. */
  private void restore() {
    try {
      createFolder(settings.folder());
      if (watch == null || !watch.isValid()) {
        register();
      }
    } catch (IOException e) {
      log.atWarn().setCause(e).log("the pods' folder can't be watched");
    }
  }

  private void scanSafely() {
    try {
      scan();
    } catch (IOException e) {
      log.atWarn().setCause(e).log("the pods' folder can't be read");
      publish(new TreeMap<>());
    }
  }

  private void scan() throws IOException {
    SortedMap<String, Found> found = new TreeMap<>();
    try (DirectoryStream<Path> files = Files.newDirectoryStream(settings.folder(), "*" + SUFFIX)) {
      for (Path file : files) {
        String fileName = file.getFileName().toString();
        String name = fileName.substring(0, fileName.length() - SUFFIX.length());
        if (NAME.matcher(name).matches()) {
          socket(file).ifPresent(socket -> found.put(name, socket));
        }
      }
    }
    publish(found);
  }

  private Optional<Found> socket(Path file) throws IOException {
    Map<String, Object> attributes;
    try {
      attributes = Files.readAttributes(file, "unix:mode,uid,ino,ctime", LinkOption.NOFOLLOW_LINKS);
    } catch (NoSuchFileException e) {
      return Optional.empty();
    }
    if ((number(attributes, "mode") & FILE_TYPE) != SOCKET) {
      return Optional.empty();
    }
    int uid = number(attributes, "uid");
    if (uid != ownUid && uid != ROOT && !settings.allowedUids().contains(uid)) {
      strangers.increment();
      return Optional.empty();
    }
    return Optional.of(new Found(file, attributes));
  }

  private static int number(Map<String, Object> attributes, String name) {
    return attributes.get(name) instanceof Integer number ? number : -1;
  }

  private void publish(SortedMap<String, Found> found) {
    SortedMap<String, Found> before = pods;
    pods = found;
    tell(listeners, changes(before, found));
  }

  /** The names that have come, gone, or stand for something else now. */
  static <T> Set<String> changes(Map<String, T> before, Map<String, T> now) {
    Set<String> changed = new TreeSet<>(before.keySet());
    changed.addAll(now.keySet());
    changed.removeIf(name -> Objects.equals(before.get(name), now.get(name)));
    return changed;
  }

  static void tell(List<Consumer<Set<String>>> listeners, Set<String> changed) {
    if (!changed.isEmpty()) {
      listeners.forEach(listener -> listener.accept(changed));
    }
  }
}
