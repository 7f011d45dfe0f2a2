package io.clawterm.load;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.TimeUnit;

/**
 * Network namespaces of Linux on one bridge, made with {@code ip} of iproute2. They need root. For
 * use by one thread.
 */
final class NamespaceHosts implements Hosts {

  private static final int LIMIT_SECONDS = 20;

  /** What one machine does not reach. */
  private record Cut(int from, int to) {}

  private final String name;
  private final String network;
  private final int count;
  private final List<Cut> cuts = new ArrayList<>();

  private NamespaceHosts(String name, String network, int count) {
    this.name = name;
    this.network = network;
    this.count = count;
  }

  /** Why there are none on this machine, if there are none. */
  static Optional<String> impossible() {
    String probe = "clwprobe" + ProcessHandle.current().pid();
    try {
      ip("netns", "add", probe);
      ip("netns", "del", probe);
      return Optional.empty();
    } catch (IOException e) {
      return Optional.of("network namespaces cannot be made: " + e.getMessage());
    }
  }

  static NamespaceHosts open(int count) throws IOException {
    long pid = ProcessHandle.current().pid();
    // An interface's name has 15 characters at most.
    String name = "clw" + pid % 1_000_000;
    String network = "10.%d.%d".formatted(200 + pid % 50, pid / 50 % 250);
    var hosts = new NamespaceHosts(name, network, count);
    try {
      hosts.make();
      return hosts;
    } catch (IOException e) {
      hosts.close();
      throw e;
    }
  }

  private void make() throws IOException {
    ip("link", "add", bridge(), "type", "bridge");
    ip("address", "add", rig() + "/24", "dev", bridge());
    ip("link", "set", bridge(), "up");
    for (int i = 0; i < count; i++) {
      ip("netns", "add", namespace(i));
      ip("link", "add", outside(i), "type", "veth", "peer", "name", "eth0", "netns", namespace(i));
      ip("link", "set", outside(i), "master", bridge(), "up");
      inside(i, "link", "set", "lo", "up");
      inside(i, "address", "add", address(i) + "/24", "dev", "eth0");
      inside(i, "link", "set", "eth0", "up");
    }
  }

  private String bridge() {
    return name + "b";
  }

  private String outside(int machine) {
    return name + "v" + machine;
  }

  private String namespace(int machine) {
    return name + "n" + machine;
  }

  private String address(int machine) {
    return network + "." + (11 + machine);
  }

  @Override
  public String rig() {
    return network + ".1";
  }

  @Override
  public Seat seat(int machine) {
    return new Seat(address(machine), List.of("ip", "netns", "exec", namespace(machine)));
  }

  @Override
  public boolean canCut() {
    return true;
  }

  @Override
  public void cut(int from, int to) throws IOException {
    var cut = new Cut(from, to);
    if (!cuts.contains(cut)) {
      inside(from, "route", "add", "blackhole", address(to) + "/32");
      cuts.add(cut);
    }
  }

  @Override
  public void heal() throws IOException {
    for (Cut cut : List.copyOf(cuts)) {
      inside(cut.from(), "route", "del", "blackhole", address(cut.to()) + "/32");
      cuts.remove(cut);
    }
  }

  private void inside(int machine, String... arguments) throws IOException {
    var all = new ArrayList<>(List.of("-n", namespace(machine)));
    all.addAll(List.of(arguments));
    ip(all.toArray(String[]::new));
  }

  private static void ip(String... arguments) throws IOException {
    var command = new ArrayList<>(List.of("ip"));
    command.addAll(List.of(arguments));
    Process process = new ProcessBuilder(command).redirectErrorStream(true).start();
    try {
      String said =
          new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8).strip();
      if (!process.waitFor(LIMIT_SECONDS, TimeUnit.SECONDS)) {
        process.destroyForcibly();
        throw new IOException("does not end: " + String.join(" ", command));
      }
      if (process.exitValue() != 0) {
        throw new IOException(String.join(" ", command) + ": " + said);
      }
    } catch (InterruptedException e) {
      process.destroyForcibly();
      Thread.currentThread().interrupt();
      throw new IOException("interrupted in " + String.join(" ", command), e);
    }
  }

  /** Takes away what there is, as far as there is any; processes in it keep running. */
  @Override
  public void close() throws IOException {
    List<IOException> failures = new ArrayList<>();
    for (int i = 0; i < count; i++) {
      attempt(failures, "netns", "del", namespace(i));
    }
    attempt(failures, "link", "del", bridge());
    if (!failures.isEmpty()) {
      throw failures.getFirst();
    }
  }

  private static void attempt(List<IOException> failures, String... arguments) {
    try {
      ip(arguments);
    } catch (IOException e) {
      failures.add(e);
    }
  }
}
