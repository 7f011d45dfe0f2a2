package io.clawterm.edge;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import com.typesafe.config.ConfigFactory;
import io.micrometer.core.instrument.simple.SimpleMeterRegistry;
import java.io.IOException;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.channels.ServerSocketChannel;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

final class PodRegistryTest {

  @TempDir Path temporary;
  private final SimpleMeterRegistry meters = new SimpleMeterRegistry();

  @Test
  void theFolderIsCreatedForItsOwnerAlone() throws IOException {
    try (var registry = open("")) {
      assertThat(PosixFilePermissions.toString(Files.getPosixFilePermissions(folder())))
          .isEqualTo("rwx------");
      assertThat(registry.names()).isEmpty();
    }
  }

  @Test
  void aSocketThatWasThereIsFoundFromTheStart() throws IOException {
    Files.createDirectories(folder());
    try (var socket = bind("early");
        var registry = open("")) {
      assertThat(socket.isOpen()).isTrue();
      assertThat(registry.names()).containsExactly("early");
      assertThat(registry.find("early")).contains(folder().resolve("early.sock"));
      assertThat(registry.find("other")).isEmpty();
    }
  }

  @Test
  void socketsAppearVanishAndReappearAtOnce() throws IOException {
    // The slow way is out of reach, so that only the file system can have told.
    try (var registry = open("rescan-interval = 1h")) {
      var changes = new AtomicInteger();
      var registration = registry.onChange(names -> changes.incrementAndGet());

      var first = bind("pod");
      await().until(() -> registry.names().contains("pod"));
      assertThat(meters.get("clawterm.edge.pods").gauge().value()).isEqualTo(1);
      first.close();
      Files.delete(folder().resolve("pod.sock"));
      await().until(() -> registry.names().isEmpty());
      var second = bind("pod");
      await().until(() -> registry.find("pod").isPresent());
      assertThat(changes.get()).isGreaterThanOrEqualTo(3);

      registration.close();
      int before = changes.get();
      second.close();
      Files.delete(folder().resolve("pod.sock"));
      await().until(() -> registry.names().isEmpty());
      assertThat(changes).hasValue(before);
    }
  }

  @Test
  void anotherSocketOfTheSameNameIsAChange() throws IOException {
    try (var registry = open("rescan-interval = 1h");
        var first = bind("pod")) {
      await().until(() -> registry.names().contains("pod"));
      var changes = new AtomicInteger();
      registry.onChange(names -> changes.incrementAndGet());

      try (var second = bind("new")) {
        await().until(() -> registry.names().contains("new"));
        int before = changes.get();
        Files.move(
            folder().resolve("new.sock"),
            folder().resolve("pod.sock"),
            java.nio.file.StandardCopyOption.REPLACE_EXISTING);

        await().until(() -> !registry.names().contains("new"));
        assertThat(registry.names()).containsExactly("pod");
        assertThat(changes.get()).isGreaterThan(before);
        assertThat(first.isOpen() && second.isOpen()).isTrue();
      }
    }
  }

  @Test
  void onlySocketsWithANameCount() throws IOException {
    Files.createDirectories(folder());
    Files.createFile(folder().resolve("file.sock"));
    Files.createDirectory(folder().resolve("folder.sock"));
    try (var good = bind("a.B_9-c");
        var space = bind("a b");
        var empty = bind("");
        var other = ServerSocketChannel.open(StandardProtocolFamily.UNIX)) {
      other.bind(UnixDomainSocketAddress.of(temporary.resolve("outside.sock")));
      Files.createSymbolicLink(folder().resolve("link.sock"), temporary.resolve("outside.sock"));
      try (var registry = open("")) {
        assertThat(registry.names()).containsExactly("a.B_9-c");
      }
      assertThat(good.isOpen() && space.isOpen() && empty.isOpen()).isTrue();
    }
  }

  @Test
  void aStrangersSocketIsLeftAloneUnlessAllowed() throws IOException {
    Files.createDirectories(folder());
    Assumptions.assumeTrue(
        Files.getAttribute(folder(), "unix:uid").equals(0), "only root gives files away");
    try (var socket = bind("pod")) {
      Files.setAttribute(
          folder().resolve("pod.sock"), "unix:uid", 12345, LinkOption.NOFOLLOW_LINKS);

      try (var registry = open("")) {
        assertThat(registry.names()).isEmpty();
        assertThat(meters.counter("clawterm.edge.pods.refused").count()).isEqualTo(1);
      }
      try (var registry = open("allowed-uids = [12345]")) {
        assertThat(registry.names()).containsExactly("pod");
      }
      assertThat(socket.isOpen()).isTrue();
    }
  }

  @Test
  void aRemovedFolderIsMadeAgainAndWatched() throws IOException {
    try (var registry = open("rescan-interval = 100ms")) {
      Files.delete(folder());
      await().until(() -> Files.isDirectory(folder()));

      try (var socket = bind("pod")) {
        await().until(() -> registry.names().contains("pod"));
        assertThat(socket.isOpen()).isTrue();
      }
    }
  }

  private Path folder() {
    return temporary.resolve("run").resolve("sockets");
  }

  private ServerSocketChannel bind(String name) throws IOException {
    var server = ServerSocketChannel.open(StandardProtocolFamily.UNIX);
    server.bind(UnixDomainSocketAddress.of(folder().resolve(name + ".sock")));
    return server;
  }

  private PodRegistry open(String overrides) throws IOException {
    return PodRegistry.open(
        PodSettings.from(
            ConfigFactory.parseString(
                    "clawterm.pods { folder = \"" + folder() + "\", " + overrides + "}")
                .withFallback(ConfigFactory.defaultReference())
                .resolve()
                .getConfig("clawterm.pods")),
        meters);
  }
}
