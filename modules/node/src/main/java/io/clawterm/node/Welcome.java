package io.clawterm.node;

import io.clawterm.api.ClawTerm;
import java.io.PrintWriter;
import java.nio.file.Path;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;

/** What a person is told once a node is ready. */
record Welcome(
    ClawTerm.Endpoints endpoints,
    Optional<String> fingerprint,
    Path data,
    Map<String, String> environment) {

  void print(PrintWriter out, long beginNanos) {
    double seconds = (System.nanoTime() - beginNanos) / 1e9;
    out.printf(Locale.ROOT, "ClawTerm %s is ready (%.1f s).%n%n", Version.CURRENT, seconds);
    endpoints.unixSocket().ifPresent(path -> out.printf("  socket  %s%n", path));
    endpoints
        .tcp()
        .ifPresent(address ->
            out.printf(
                "  tcp     %s (credential: %s)%n", NodeFile.text(address), AccessToken.file(data)));
    endpoints
        .http()
        .ifPresent(address ->
            out.printf("  http    %s%n", NodeFile.url(fingerprint.isPresent(), address)));
    fingerprint.ifPresent(sha -> out.printf("  tls     SHA-256 %s%n", sha));
    out.println();
    out.println("In a second terminal:");
    out.println("  ./clawterm connect              talk to agent:main");
    out.println("  ./clawterm connect agent:demo   a scripted agent that counts; needs no key");
    if (!hasKey()) {
      out.println();
      out.println("agent:main needs a model: set ANTHROPIC_API_KEY or OPENAI_API_KEY before");
      out.println("`up`, or run Ollama on this machine.");
    }
    out.println();
    out.println("Ctrl-C stops the server; sessions stay.");
    out.flush();
  }

  private boolean hasKey() {
    return environment.containsKey("ANTHROPIC_API_KEY")
        || environment.containsKey("OPENAI_API_KEY")
        || environment.containsKey("OPENAI_BASE_URL")
        || environment.containsKey("CLAWTERM_MODEL");
  }
}
