package io.clawterm.node;

import com.typesafe.config.Config;
import io.clawterm.storage.JdbcTarget;
import java.nio.file.Path;
import java.util.Optional;

/**
 * Where a node keeps its data and where it listens; {@code reference.conf} says more.
 *
 * @param data the data folder; empty only where a host application gives a data source and wants no
 *     files
 * @param tcpPort -1: not at all, 0: any
 * @param httpPort -1: not at all, 0: any
 * @param managementBind loopback or a private address
 * @param managementPort -1: not at all
 * @param database a URL of PostgreSQL; empty: the embedded one
 */
record NodeSettings(
    Optional<Path> data,
    String bind,
    int tcpPort,
    int httpPort,
    String managementBind,
    int managementPort,
    boolean unixSocket,
    Tls tls,
    Optional<Path> tlsCertificate,
    Optional<Path> tlsKey,
    Optional<Path> tlsClientAuthorities,
    Optional<JdbcTarget> database,
    LogLevel logLevel,
    boolean allowUnsafeDatabase,
    boolean allowNewerSchema) {

  /** When TCP is encrypted. */
  enum Tls {
    /** Always. */
    ON,
    /** Never; on loopback only. */
    OFF,
    /** Wherever it is not loopback, or where a certificate is given. */
    AUTO
  }

  /** What is logged: this and what is graver. */
  enum LogLevel {
    ERROR,
    WARN,
    INFO,
    DEBUG,
    TRACE
  }

  NodeSettings {
    port("port", tcpPort);
    port("http-port", httpPort);
    port("management-port", managementPort);
    if (tlsCertificate.isPresent() != tlsKey.isPresent()) {
      throw new IllegalArgumentException("tls-cert and tls-key are given together or not at all");
    }
  }

  /** Reads the block {@code clawterm.node}. */
  static NodeSettings from(Config config) {
    return new NodeSettings(
        path(config, "data"),
        config.getString("bind"),
        config.getInt("port"),
        config.getInt("http-port"),
        config.getString("management-bind"),
        config.getInt("management-port"),
        config.getBoolean("unix-socket"),
        tls(config.getString("tls")),
        path(config, "tls-cert"),
        path(config, "tls-key"),
        path(config, "tls-client-authorities"),
        text(config, "database").map(NodeSettings::target),
        logLevel(config.getString("log-level")),
        config.getBoolean("allow-unsafe-database"),
        config.getBoolean("allow-newer-schema"));
  }

  /** The folder of sockets and of what the command line needs to find the node. */
  Optional<Path> run() {
    return data.map(folder -> folder.resolve("run"));
  }

  private static Tls tls(String value) {
    return switch (value) {
      case "on", "true" -> Tls.ON;
      case "off", "false" -> Tls.OFF;
      case "auto" -> Tls.AUTO;
      default ->
          throw new IllegalArgumentException("tls must be on, off or auto, is \"" + value + "\"");
    };
  }

  private static LogLevel logLevel(String value) {
    for (LogLevel level : LogLevel.values()) {
      if (level.name().equalsIgnoreCase(value)) {
        return level;
      }
    }
    throw new IllegalArgumentException(
        "log-level must be error, warn, info, debug or trace, is \"" + value + "\"");
  }

  /** The message says how one looks and shows nothing of it: it may hold a password. */
  private static JdbcTarget target(String url) {
    try {
      return JdbcTarget.parse(url);
    } catch (IllegalArgumentException e) {
      throw new IllegalArgumentException("database: " + e.getMessage(), e);
    }
  }

  private static void port(String key, int port) {
    if (port < -1 || port > 65_535) {
      throw new IllegalArgumentException(key + " must be -1 to 65535, is " + port);
    }
  }

  private static Optional<Path> path(Config config, String key) {
    return text(config, key)
        .map(text ->
            Path.of(text.startsWith("~/") ? Home.folder() + text.substring(1) : text)
                .toAbsolutePath()
                .normalize());
  }

  private static Optional<String> text(Config config, String key) {
    String value = config.getString(key);
    return value.isBlank() ? Optional.empty() : Optional.of(value);
  }
}
