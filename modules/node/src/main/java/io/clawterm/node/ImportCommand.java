package io.clawterm.node;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.FilterInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.PrintWriter;
import java.io.UncheckedIOException;
import java.net.http.HttpRequest;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.concurrent.Callable;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** {@code clawterm import}. */
@Command(
    name = "import",
    description = "Take in a session that `export` has written.",
    mixinStandardHelpOptions = true)
final class ImportCommand implements Callable<Integer> {

  /** The server has a limit of its own, which is told better than this one. */
  private static final Duration LIMIT = Duration.ofHours(1);

  @Spec private CommandSpec spec;
  @Mixin private DataOption data;

  @Parameters(paramLabel = "FILE", description = "What `clawterm export` has written.")
  private Path file;

  @Option(
      names = "--trust",
      paramLabel = "FINGERPRINT",
      description = "Take it though its signer is not known here; `export` has shown this.")
  private @Nullable String trust;

  @Option(names = "--json", description = "The result as a JSON object.")
  private boolean json;

  @Override
  public Integer call() throws Exception {
    Logs.onTerminal();
    if (!Files.isRegularFile(file)) {
      throw new NoSuchFileException(file.toString());
    }
    if (Files.size(file) == 0) {
      throw new CommandFailedException(file + " is empty");
    }
    var progress = new TransferProgress(spec.commandLine().getErr(), "importing " + file);
    String query = trust == null ? "" : "?trust=" + ApiClient.encoded(trust.strip());
    JsonNode result;
    try (ApiClient api = ApiClient.ofData(data.folder());
        var waiting = new StillThere(spec.commandLine().getErr())) {
      result =
          api.post(
              "/api/v1/sessions/bundles" + query,
              HttpRequest.BodyPublishers.fromPublisher(
                  HttpRequest.BodyPublishers.ofInputStream(() -> opened(progress, waiting)),
                  Files.size(file)),
              LIMIT);
    }
    if (json) {
      spec.commandLine().getOut().println(result);
    } else {
      tell(result);
    }
    return 0;
  }

  private InputStream opened(TransferProgress progress, StillThere waiting) {
    try {
      return new FilterInputStream(Files.newInputStream(file)) {
        @Override
        public int read(byte[] bytes, int offset, int length) throws IOException {
          int count = super.read(bytes, offset, length);
          if (count > 0) {
            progress.add(count);
          } else {
            waiting.begin();
          }
          return count;
        }
      };
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private void tell(JsonNode result) {
    PrintWriter out = spec.commandLine().getOut();
    String id = result.path("id").asText();
    String was = result.path("idInBundle").asText();
    if (!result.path("created").asBoolean()) {
      out.println("It is here already: session " + id + ".");
    } else {
      out.println(
          "Session " + id + " is here, up to entry " + result.path("headNumber").asText() + ".");
    }
    if (!id.equals(was)) {
      out.println("It has a new id, because " + was + " is in use here" + there(result) + ".");
    }
    out.println("It was signed by " + result.path("signer").asText());
    if (result.path("runOpen").asBoolean()) {
      out.println("A run was open: it is taken up here.");
    }
    out.println(
        "Go on with: clawterm connect "
            + result.path("target").asText()
            + " --key "
            + result.path("key").asText());
  }

  private static String there(JsonNode result) {
    return switch (result.path("thereState").asText()) {
      case "open" ->
          " by a session of yours that is open and ends at entry "
              + result.path("thereHeadNumber").asText();
      case "ended" -> " by a session of yours that is over";
      default -> "";
    };
  }

  /** Says that the server is at work, once all is sent. */
  private static final class StillThere implements AutoCloseable {

    private static final Duration PAUSE = Duration.ofSeconds(2);

    private final PrintWriter err;
    private @Nullable Thread thread;

    StillThere(PrintWriter err) {
      this.err = err;
    }

    synchronized void begin() {
      if (thread == null) {
        thread = Thread.ofVirtual().start(this::tell);
      }
    }

    private void tell() {
      var forever = new CountDownLatch(1);
      try {
        while (!forever.await(PAUSE.toMillis(), TimeUnit.MILLISECONDS)) {
          err.println("sent; the server checks and stores it ...");
          err.flush();
        }
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt(); // the answer is there
      }
    }

    @Override
    public synchronized void close() {
      if (thread != null) {
        thread.interrupt();
      }
    }
  }
}
