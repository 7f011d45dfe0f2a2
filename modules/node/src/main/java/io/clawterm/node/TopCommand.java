package io.clawterm.node;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.io.PrintWriter;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Callable;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import org.jline.terminal.Attributes;
import org.jline.terminal.Size;
import org.jline.terminal.Terminal;
import org.jline.terminal.TerminalBuilder;
import org.jline.utils.AttributedString;
import org.jline.utils.AttributedStyle;
import org.jline.utils.InfoCmp.Capability;
import org.jline.utils.NonBlockingReader;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/** {@code clawterm top}. */
@Command(
    name = "top",
    description = "Show what the nodes of the cluster do, anew each second; q leaves.",
    mixinStandardHelpOptions = true)
final class TopCommand implements Callable<Integer> {

  private static final Duration INTERVAL = Duration.ofSeconds(1);

  /** How soon a key or a signal is noticed. */
  private static final long KEY_MILLIS = 100;

  private static final int CONTROL_C = 3;
  private static final int END_OF_INPUT = -1;
  private static final int FALLBACK_WIDTH = 120;
  private static final int FALLBACK_HEIGHT = 40;

  @Spec private CommandSpec spec;
  @Mixin private DataOption data;

  @Option(names = "-n", paramLabel = "N", description = "Leave after N times (default: never).")
  private int times = Integer.MAX_VALUE;

  @Option(names = "--json", description = "As a JSON object a line, with rates per second.")
  private boolean json;

  private final CountDownLatch left = new CountDownLatch(1);
  private @Nullable ApiClient api;
  private @Nullable JsonNode before;
  private Map<Integer, ClusterRates> rates = Map.of();

  @Override
  public Integer call() throws Exception {
    if (times < 1) {
      throw new CommandLine.ParameterException(spec.commandLine(), "-n must be above 0");
    }
    Logs.onTerminal();
    try {
      if (json) {
        return lines();
      }
      // Where input or output is no terminal, JLine falls back to a dumb one.
      try (Terminal terminal = TerminalBuilder.builder().system(true).dumb(true).build()) {
        return terminal.getType().startsWith(Terminal.TYPE_DUMB) ? lines() : onTerminal(terminal);
      }
    } finally {
      forget();
    }
  }

  private JsonNode look() throws IOException, InterruptedException {
    ApiClient client = api;
    if (client == null) {
      client = ApiClient.ofData(data.folder());
      api = client;
    }
    JsonNode now = client.get(ClusterCommand.PATH, ClusterCommand.PATIENCE);
    JsonNode then = before;
    rates = then == null ? Map.of() : ClusterRates.between(then, now);
    before = now;
    return now;
  }

  /** The server may come back at another address. */
  private void forget() {
    ApiClient client = api;
    if (client != null) {
      client.close();
    }
    api = null;
    before = null;
  }

  private int lines() throws Exception {
    PrintWriter out = spec.commandLine().getOut();
    for (int i = 0; i < times; i++) {
      if (i > 0 && left.await(INTERVAL.toMillis(), TimeUnit.MILLISECONDS)) {
        return 0;
      }
      JsonNode now = look();
      if (json) {
        out.println(withRates(now));
      } else {
        ClusterView.live(now, rates).forEach(out::println);
        out.println();
      }
      out.flush();
    }
    return 0;
  }

  private JsonNode withRates(JsonNode cluster) {
    for (JsonNode node : cluster.path("nodes")) {
      ClusterRates rate = rates.getOrDefault(node.path("number").asInt(), ClusterRates.NONE);
      ObjectNode into = ((ObjectNode) node).putObject("rates");
      rate.inputs().ifPresent(value -> into.put("inputsPerSecond", value));
      rate.entries().ifPresent(value -> into.put("entriesPerSecond", value));
      rate.commitSeconds().ifPresent(value -> into.put("commitSeconds", value));
    }
    return cluster;
  }

  private int onTerminal(Terminal terminal) throws Exception {
    Attributes usual = terminal.enterRawMode();
    terminal.handle(Terminal.Signal.INT, signal -> left.countDown());
    terminal.puts(Capability.enter_ca_mode);
    terminal.puts(Capability.cursor_invisible);
    try {
      for (int i = 0; i < times; i++) {
        draw(terminal, shown());
        if (i < times - 1 && leaves(terminal.reader())) {
          return 0;
        }
      }
      return 0;
    } finally {
      terminal.puts(Capability.cursor_normal);
      terminal.puts(Capability.exit_ca_mode);
      terminal.setAttributes(usual);
      terminal.flush();
    }
  }

  /** A server that is gone may come back: somebody watches, so it is said and asked again. */
  private List<String> shown() throws IOException, InterruptedException {
    try {
      return ClusterView.live(look(), rates);
    } catch (NoServerException | CommandFailedException | IOException e) {
      forget();
      return List.of(ClusterView.PROBLEM + e.getMessage());
    }
  }

  private static void draw(Terminal terminal, List<String> shown) {
    Size size = terminal.getSize();
    int width = size.getColumns() > 0 ? size.getColumns() : FALLBACK_WIDTH;
    int height = size.getRows() > 1 ? size.getRows() : FALLBACK_HEIGHT;
    List<String> lines = new ArrayList<>(shown.subList(0, Math.min(shown.size(), height - 1)));
    lines.add("q leaves");
    terminal.puts(Capability.cursor_home);
    for (int row = 0; row < lines.size(); row++) {
      terminal.puts(Capability.cursor_address, row, 0);
      terminal.writer().print(styled(lines.get(row)).columnSubSequence(0, width).toAnsi(terminal));
      if (lines.get(row).length() < width) {
        terminal.puts(Capability.clr_eol);
      }
    }
    terminal.puts(Capability.clr_eos);
    terminal.flush();
  }

  private static AttributedString styled(String line) {
    AttributedStyle style =
        line.startsWith(ClusterView.PROBLEM)
            ? AttributedStyle.BOLD.foreground(AttributedStyle.RED)
            : line.stripLeading().startsWith("NODE ") || line.startsWith("RUNNING ")
                ? AttributedStyle.INVERSE
                : line.equals("q leaves")
                    ? AttributedStyle.DEFAULT.faint()
                    : AttributedStyle.DEFAULT;
    return new AttributedString(line, style);
  }

  /** Waits for the next look; true where somebody wants to leave instead. */
  private boolean leaves(NonBlockingReader keys) throws IOException {
    long until = System.nanoTime() + INTERVAL.toNanos();
    while (System.nanoTime() < until) {
      if (left.getCount() == 0) {
        return true;
      }
      int key = keys.read(KEY_MILLIS);
      if (key == 'q' || key == 'Q' || key == CONTROL_C || key == END_OF_INPUT) {
        return true;
      }
    }
    return false;
  }
}
