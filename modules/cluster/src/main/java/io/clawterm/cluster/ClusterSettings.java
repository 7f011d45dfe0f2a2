package io.clawterm.cluster;

import com.typesafe.config.Config;
import com.typesafe.config.ConfigFactory;
import java.nio.file.Path;
import java.time.Duration;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/**
 * How a node finds the others and how they reach it; {@code reference.conf} says more.
 *
 * @param port 0: any
 * @param join {@code HOST:PORT} of nodes
 * @param devicesAt {@code HOST:PORT}, where it is not the one on which the node listens
 */
public record ClusterSettings(
    String name,
    String host,
    int port,
    List<String> join,
    Formation formation,
    int requiredContactPoints,
    String kubernetesNamespace,
    String podLabelSelector,
    Set<String> roles,
    Optional<String> devicesAt,
    Duration joinTimeout,
    Duration drainTimeout,
    Duration maxClockSkew,
    Optional<Path> tlsCertificate,
    Optional<Path> tlsKey,
    Optional<Path> tlsAuthorities) {

  private static final String HOST_AND_PORT = "[^:@\\s]+:[0-9]{1,5}|\\[[0-9a-fA-F:]+]:[0-9]{1,5}";

  /** What Akka calls the way to ask the API server of Kubernetes. */
  static final String PODS = "kubernetes-api";

  private static final Set<String> ROLES = Set.of("edge", "session", "agent", "worker");

  /** Where nodes learn of each other. */
  public enum Formation {
    /** From the database, or from a list. */
    DATABASE,
    /** From the API server of Kubernetes. */
    KUBERNETES
  }

  public ClusterSettings {
    join = List.copyOf(join);
    roles = Set.copyOf(roles);
    if (!name.matches("[A-Za-z0-9][A-Za-z0-9_-]{0,31}")) {
      throw new IllegalArgumentException(
          "name must be 1 to 32 letters, digits, - or _, is \"" + name + "\"");
    }
    if (port < 0 || port > 65_535) {
      throw new IllegalArgumentException("port must be 0 to 65535, is " + port);
    }
    for (String seed : join) {
      if (!seed.matches(HOST_AND_PORT)) {
        throw new IllegalArgumentException("join is a list of HOST:PORT, has \"" + seed + "\"");
      }
    }
    if (devicesAt.isPresent() && !devicesAt.get().matches(HOST_AND_PORT)) {
      throw new IllegalArgumentException("devices-at is HOST:PORT, is \"" + devicesAt.get() + "\"");
    }
    if (requiredContactPoints < 1) {
      throw new IllegalArgumentException(
          "required-contact-points must be at least 1, are " + requiredContactPoints);
    }
    if (roles.isEmpty() || !ROLES.containsAll(roles)) {
      throw new IllegalArgumentException("roles are some of " + ROLES + ", are " + roles);
    }
    if (!joinTimeout.isPositive()) {
      throw new IllegalArgumentException("join-timeout must be above 0, is " + joinTimeout);
    }
    if (drainTimeout.isNegative()) {
      throw new IllegalArgumentException("drain-timeout must be 0 or above, is " + drainTimeout);
    }
    if (!maxClockSkew.isPositive()) {
      throw new IllegalArgumentException("max-clock-skew must be above 0, is " + maxClockSkew);
    }
    boolean some = tlsCertificate.isPresent() || tlsKey.isPresent() || tlsAuthorities.isPresent();
    boolean all = tlsCertificate.isPresent() && tlsKey.isPresent() && tlsAuthorities.isPresent();
    if (some && !all) {
      throw new IllegalArgumentException(
          "tls-cert, tls-key and tls-authorities are given together or not at all");
    }
  }

  /** Reads the block {@code clawterm.cluster}. */
  public static ClusterSettings from(Config config) {
    return new ClusterSettings(
        config.getString("name"),
        config.getString("host"),
        config.getInt("port"),
        config.getStringList("join"),
        formation(config.getString("formation")),
        config.getInt("required-contact-points"),
        config.getString("kubernetes.namespace"),
        config.getString("kubernetes.pod-label-selector"),
        Set.copyOf(config.getStringList("roles")),
        Optional.of(config.getString("devices-at")).filter(at -> !at.isBlank()),
        config.getDuration("join-timeout"),
        config.getDuration("drain-timeout"),
        config.getDuration("max-clock-skew"),
        file(config, "tls-cert"),
        file(config, "tls-key"),
        file(config, "tls-authorities"));
  }

  /** What Akka Cluster Bootstrap needs to know; nothing where it is not used. */
  public Config discovery() {
    if (formation == Formation.DATABASE) {
      return ConfigFactory.empty();
    }
    String bootstrap = "akka.management.cluster.bootstrap.contact-point-discovery.";
    Map<String, Object> settings = new HashMap<>();
    settings.put(bootstrap + "discovery-method", PODS);
    settings.put(bootstrap + "service-name", name);
    settings.put(bootstrap + "required-contact-point-nr", requiredContactPoints);
    settings.put("akka.discovery.kubernetes-api.pod-label-selector", podLabelSelector);
    // Else a pod is called by a name that not each cluster's DNS has.
    settings.put("akka.discovery.kubernetes-api.use-raw-ip", true);
    if (!kubernetesNamespace.isBlank()) {
      settings.put("akka.discovery.kubernetes-api.pod-namespace", kubernetesNamespace);
    }
    return ConfigFactory.parseMap(settings);
  }

  private static Formation formation(String value) {
    return switch (value) {
      case "database" -> Formation.DATABASE;
      case "kubernetes" -> Formation.KUBERNETES;
      default ->
          throw new IllegalArgumentException(
              "formation must be database or kubernetes, is \"" + value + "\"");
    };
  }

  private static Optional<Path> file(Config config, String key) {
    String value = config.getString(key);
    return value.isBlank() ? Optional.empty() : Optional.of(Path.of(value));
  }
}
