package io.clawterm.http;

import akka.http.javadsl.model.ContentType;
import akka.http.javadsl.model.ContentTypes;
import akka.http.javadsl.model.HttpMethods;
import akka.http.javadsl.model.HttpResponse;
import akka.http.javadsl.model.headers.RawHeader;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.Base64;
import java.util.List;
import java.util.concurrent.CompletableFuture;

/** What is the same for everybody: the start page and the contract of the API. */
final class Pages {

  private static final ContentType YAML = ContentTypes.parse("application/yaml; charset=utf-8");

  private final HttpResponse start;
  private final HttpResponse contract;

  Pages(String version) {
    String page = resource("start.html").replace("{{version}}", escaped(version));
    start =
        HttpResponse.create()
            .withEntity(ContentTypes.TEXT_HTML_UTF8, page.getBytes(StandardCharsets.UTF_8))
            .addHeader(RawHeader.create("Content-Security-Policy", policy(page)));
    contract =
        HttpResponse.create()
            .withEntity(YAML, resource("/openapi.yaml").getBytes(StandardCharsets.UTF_8));
  }

  List<Endpoint> endpoints() {
    return List.of(
        new Endpoint.Open(HttpMethods.GET, "/", () -> CompletableFuture.completedFuture(start)),
        new Endpoint.Open(
            HttpMethods.GET,
            "/api/v1/openapi.yaml",
            () -> CompletableFuture.completedFuture(contract)));
  }

  /** Nothing may be loaded, run, sent or framed; of styles only the page's own one. */
  private static String policy(String page) {
    String style = page.substring(page.indexOf("<style>") + 7, page.indexOf("</style>"));
    return "default-src 'none'; style-src 'sha256-"
        + sha256(style)
        + "'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";
  }

  private static String sha256(String text) {
    try {
      byte[] hash =
          MessageDigest.getInstance("SHA-256").digest(text.getBytes(StandardCharsets.UTF_8));
      return Base64.getEncoder().encodeToString(hash);
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException("each JDK has SHA-256", e);
    }
  }

  private static String escaped(String text) {
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;");
  }

  static String resource(String name) {
    try (InputStream in = Pages.class.getResourceAsStream(name)) {
      if (in == null) {
        throw new IllegalStateException("the jar lacks " + name);
      }
      return new String(in.readAllBytes(), StandardCharsets.UTF_8);
    } catch (IOException e) {
      throw new UncheckedIOException("the jar's " + name + " can't be read", e);
    }
  }
}
