package io.clawterm.node;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.clawterm.api.ClawTerm;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.Optional;

/**
 * What a running node leaves in {@code DATA/run/node.json}, so that the command line finds it.
 *
 * @param fingerprint the SHA-256 of the TLS certificate, where there is one
 */
record NodeFile(
    long pid,
    String version,
    Optional<String> unix,
    Optional<String> tcp,
    Optional<String> http,
    Optional<String> fingerprint) {

  private static final ObjectMapper JSON = new ObjectMapper();
  private static final String NAME = "node.json";

  static NodeFile of(ClawTerm.Endpoints endpoints, Optional<String> fingerprint) {
    return new NodeFile(
        ProcessHandle.current().pid(),
        Version.CURRENT,
        endpoints.unixSocket().map(Path::toString),
        endpoints.tcp().map(NodeFile::text),
        endpoints.http().map(address -> url(fingerprint.isPresent(), address)),
        fingerprint);
  }

  static String url(boolean encrypted, InetSocketAddress address) {
    return (encrypted ? "https://" : "http://") + text(address);
  }

  static String text(InetSocketAddress address) {
    String host = address.getAddress().getHostAddress();
    return (host.contains(":") ? "[" + host + "]" : host) + ":" + address.getPort();
  }

  void write(Path run) throws IOException {
    ObjectNode json = JSON.createObjectNode().put("pid", pid).put("version", version);
    unix.ifPresent(value -> json.put("unix", value));
    tcp.ifPresent(value -> json.put("tcp", value));
    http.ifPresent(value -> json.put("http", value));
    fingerprint.ifPresent(value -> json.put("fingerprint", value));
    Path whole = run.resolve(NAME + "." + pid);
    Files.writeString(whole, json.toPrettyString() + "\n");
    Files.move(whole, run.resolve(NAME), StandardCopyOption.ATOMIC_MOVE);
  }

  /** The file of a data folder, if there is one whose process is alive. */
  static Optional<NodeFile> read(Path data) throws IOException {
    Path file = data.resolve("run").resolve(NAME);
    if (!Files.exists(file)) {
      return Optional.empty();
    }
    JsonNode json = JSON.readTree(Files.readString(file));
    var read =
        new NodeFile(
            json.path("pid").asLong(),
            json.path("version").asText(),
            field(json, "unix"),
            field(json, "tcp"),
            field(json, "http"),
            field(json, "fingerprint"));
    return ProcessHandle.of(read.pid).isPresent() ? Optional.of(read) : Optional.empty();
  }

  private static Optional<String> field(JsonNode json, String name) {
    return json.path(name).isTextual() ? Optional.of(json.path(name).asText()) : Optional.empty();
  }

  static void delete(Path run) throws IOException {
    Files.deleteIfExists(run.resolve(NAME));
  }
}
