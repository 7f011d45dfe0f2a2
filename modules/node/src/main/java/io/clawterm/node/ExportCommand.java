package io.clawterm.node;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.clawterm.api.SessionId;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.Arrays;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/** {@code clawterm export}. */
@Command(
    name = "export",
    description = "Write a session to a signed file, to move it to another server.",
    mixinStandardHelpOptions = true)
final class ExportCommand implements Callable<Integer> {

  private static final int BUFFER_BYTES = 65_536;

  private static final String BROKEN_OFF =
      "the server broke off; nothing was written. Try again; its log may say more";

  @Spec private CommandSpec spec;
  @Mixin private DataOption data;
  @Mixin private SessionParameter parameter;

  @Option(
      names = {"-o", "--output"},
      paramLabel = "FILE",
      description = "The file to write (default: ID.clawterm); it must not be there yet.")
  private @Nullable Path output;

  @Option(names = "--json", description = "The result as a JSON object.")
  private boolean json;

  @Override
  public Integer call() throws Exception {
    Logs.onTerminal();
    SessionId session = parameter.id();
    Path file = (output == null ? Path.of(session + ".clawterm") : output).toAbsolutePath();
    if (Files.exists(file)) {
      throw new CommandFailedException(file + " is there already; name another file with -o");
    }
    var progress = new TransferProgress(spec.commandLine().getErr(), "exporting " + session);
    String signer;
    try (ApiClient api = ApiClient.ofData(data.folder())) {
      HttpResponse<InputStream> response = api.open("/api/v1/sessions/" + session + "/bundle");
      signer = response.headers().firstValue("X-ClawTerm-Signer").orElse("");
      try (InputStream in = response.body()) {
        write(in, file, progress);
      }
    }
    tell(session, file, progress.bytes(), signer);
    return 0;
  }

  /** Under another name until it is whole; a conversation is for its owner's eyes alone. */
  private static void write(InputStream in, Path file, TransferProgress progress)
      throws IOException {
    Path folder = file.getParent();
    // Files.createTempFile gives it to its owner alone.
    Path part = Files.createTempFile(folder, file.getFileName() + ".", ".part");
    part.toFile().deleteOnExit(); // Control-C ends the process without what stands in finally
    try {
      byte[] last = new byte[0];
      try (OutputStream out = Files.newOutputStream(part)) {
        byte[] buffer = new byte[BUFFER_BYTES];
        for (int count = read(in, buffer); count >= 0; count = read(in, buffer)) {
          out.write(buffer, 0, count);
          progress.add(count);
          last = end(last, buffer, count);
        }
      }
      if (!new String(last, StandardCharsets.ISO_8859_1).matches("(?s).*\"[0-9a-f]{128}\"}\n")) {
        throw new CommandFailedException(BROKEN_OFF);
      }
      if (Files.exists(file)) {
        throw new FileAlreadyExistsException(file.toString());
      }
      Files.move(part, file, StandardCopyOption.ATOMIC_MOVE);
    } finally {
      Files.deleteIfExists(part);
    }
  }

  private static int read(InputStream in, byte[] buffer) {
    try {
      return in.read(buffer);
    } catch (IOException e) {
      throw new CommandFailedException(BROKEN_OFF);
    }
  }

  /** The last bytes of what has come, enough for the signature. */
  private static byte[] end(byte[] before, byte[] buffer, int count) {
    byte[] all = Arrays.copyOf(before, before.length + count);
    System.arraycopy(buffer, 0, all, before.length, count);
    return Arrays.copyOfRange(all, Math.max(0, all.length - 160), all.length);
  }

  private void tell(SessionId session, Path file, long bytes, String signer) {
    var out = spec.commandLine().getOut();
    if (json) {
      ObjectNode result = new ObjectMapper().createObjectNode();
      result.put("id", session.toString()).put("file", file.toString());
      out.println(result.put("bytes", bytes).put("signer", signer));
      return;
    }
    out.println("Session " + session + " is in " + file + " (" + bytes + " bytes).");
    out.println("It is signed by " + signer);
    out.println("Where that server is not known yet:");
    out.println("  clawterm import " + file.getFileName() + " --trust " + signer);
    out.println("The session goes on here until you end it: clawterm close " + session);
  }
}
