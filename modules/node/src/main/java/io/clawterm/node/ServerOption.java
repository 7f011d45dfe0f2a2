package io.clawterm.node;

import io.clawterm.api.SessionId;
import io.clawterm.client.ClawTermClient;
import io.clawterm.client.ServerAddress;
import io.clawterm.client.SessionListener;
import java.io.IOException;
import java.net.InetAddress;
import java.net.UnknownHostException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/** Which server a command talks to, as which device, and how. */
final class ServerOption {

  private static final int MAX_DEVICE_BYTES = 64;

  @Spec(Spec.Target.MIXEE)
  private CommandSpec spec;

  @Mixin private DataOption data;

  @Option(
      names = "--server",
      paramLabel = "ADDR",
      description =
          "unix:PATH, tls://HOST:PORT or tcp://HOST:PORT; several nodes of a cluster with commas"
              + " (default: $CLAWTERM_SERVER, or the server of the data folder).")
  private @Nullable String server;

  @Option(
      names = "--token-file",
      paramLabel = "FILE",
      description = "The file with the server's access token (default: token in the data folder).")
  private @Nullable Path tokenFile;

  @Option(
      names = "--fingerprint",
      paramLabel = "SHA256",
      description =
          "Trust the certificate with this fingerprint, which `up` has printed, from now on.")
  private @Nullable String fingerprint;

  @Option(
      names = "--device",
      paramLabel = "NAME",
      description = "The name of this device (default: USER@HOST).")
  private @Nullable String device;

  /** The folder for what this client remembers. */
  Path folder() {
    return data.folder().resolve("client");
  }

  /** A conversation with that server, on the command's own output. */
  Conversation conversation() {
    return new Conversation(this, spec.commandLine().getOut(), spec.commandLine().getErr());
  }

  /** Reads the id of a session. */
  SessionId session(String text) {
    return SessionParameter.read(spec, text);
  }

  /** A client for that server. */
  ClawTermClient client(SessionListener listener) throws IOException {
    List<ServerAddress> addresses = addresses();
    Path folder = folder();
    Files.createDirectories(folder);
    ClawTermClient.Builder builder =
        ClawTermClient.builder()
            .addresses(addresses)
            .device(device == null ? defaultDevice() : device)
            .tokenFile(folder.resolve("sessions.json"))
            .listener(listener);
    credential(addresses).ifPresent(builder::credential);
    if (fingerprint != null || named().isPresent()) {
      builder.knownServers(folder.resolve("known-servers"));
    }
    if (fingerprint != null) {
      builder.trustFingerprint(fingerprint);
    } else if (named().isEmpty()) {
      // Read anew each time, so there is nothing to be remembered.
      NodeFile.read(data.folder())
          .flatMap(NodeFile::fingerprint)
          .ifPresent(builder::trustFingerprint);
    }
    return builder.build();
  }

  /** The server that somebody has named; else it is the one of the data folder. */
  private Optional<String> named() {
    return Optional.ofNullable(server != null ? server : System.getenv("CLAWTERM_SERVER"))
        .filter(text -> !text.isBlank());
  }

  private List<ServerAddress> addresses() throws IOException {
    Optional<String> named = named();
    if (named.isPresent()) {
      try {
        return ServerAddress.parseAll(named.get());
      } catch (IllegalArgumentException e) {
        throw new CommandLine.ParameterException(spec.commandLine(), "--server: " + e.getMessage());
      }
    }
    NodeFile node =
        NodeFile.read(data.folder())
            .orElseThrow(() ->
                new NoServerException(
                    "no server runs on "
                        + data.folder()
                        + ". Start one with: clawterm up (or name one with --server)"));
    if (node.unix().isPresent()) {
      return List.of(ServerAddress.unix(Path.of(node.unix().get())));
    }
    String tcp =
        node.tcp()
            .orElseThrow(
                () -> new NoServerException("the server listens on no socket and no port"));
    String scheme = node.fingerprint().isPresent() ? "tls://" : "tcp://";
    return List.of(ServerAddress.parse(scheme + tcp));
  }

  private Optional<String> credential(List<ServerAddress> addresses) throws IOException {
    if (tokenFile != null) {
      return Optional.of(Files.readString(tokenFile).strip());
    }
    String environment = System.getenv("CLAWTERM_TOKEN");
    if (environment != null && !environment.isBlank()) {
      return Optional.of(environment.strip());
    }
    Path file = AccessToken.file(data.folder());
    boolean unix = addresses.stream().allMatch(ServerAddress.Unix.class::isInstance);
    // The token of the own server is shown to no other one.
    return named().isEmpty() && !unix && Files.isReadable(file)
        ? Optional.of(Files.readString(file).strip())
        : Optional.empty();
  }

  /** USER@HOST. */
  static String defaultDevice() {
    String host;
    try {
      host = InetAddress.getLocalHost().getHostName();
    } catch (UnknownHostException e) {
      host = "localhost"; // a machine without a name of its own
    }
    String name = System.getProperty("user.name") + "@" + host;
    byte[] bytes = name.getBytes(StandardCharsets.UTF_8);
    return bytes.length <= MAX_DEVICE_BYTES ? name : name.substring(0, MAX_DEVICE_BYTES / 4);
  }
}
