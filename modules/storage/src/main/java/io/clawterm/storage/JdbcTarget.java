package io.clawterm.storage;

import io.clawterm.config.Secret;
import java.net.URLDecoder;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;

/**
 * Where a PostgreSQL server is, and who logs in.
 *
 * @param url JDBC URL without user and password
 * @param password empty when the server or {@code ~/.pgpass} needs none from us
 */
public record JdbcTarget(String url, String user, Secret password) {

  private static final String JDBC = "jdbc:";
  private static final List<String> SCHEMES = List.of("postgresql:", "postgres:");

  /**
   * Reads {@code postgresql://user:password@host:port/database?options}, as libpq takes it, or the
   * same behind {@code jdbc:}. User and password may also stand in the options. What contains
   * {@code @ : / ? & %} is percent-encoded. Without a user it is the one of this process.
   *
   * @throws IllegalArgumentException when it is neither; the message shows nothing of the URL, as
   *     it may hold a password
   */
  public static JdbcTarget parse(String url) {
    String withoutJdbc = url.startsWith(JDBC) ? url.substring(JDBC.length()) : url;
    String scheme =
        SCHEMES.stream()
            .filter(withoutJdbc::startsWith)
            .findFirst()
            .orElseThrow(JdbcTarget::unknown);
    String rest = withoutJdbc.substring(scheme.length());
    if (!url.startsWith(JDBC) && !rest.startsWith("//")) {
      throw unknown();
    }
    return Parts.of(rest).target();
  }

  private static IllegalArgumentException unknown() {
    return new IllegalArgumentException(
        "The database must be given as postgresql://user:password@host:port/database or"
            + " jdbc:postgresql://host:port/database?user=...&password=...");
  }

  private record Parts(String place, String user, String password) {

    static Parts of(String rest) {
      int question = rest.indexOf('?');
      String place = question < 0 ? rest : rest.substring(0, question);
      Parts parts = new Parts(place, System.getProperty("user.name"), "").withoutUserInfo();
      return question < 0 ? parts : parts.withOptions(rest.substring(question + 1));
    }

    private Parts withoutUserInfo() {
      int at = place.lastIndexOf('@');
      if (!place.startsWith("//") || at < 0) {
        return this;
      }
      String[] info = place.substring(2, at).split(":", 2);
      return new Parts(
          "//" + place.substring(at + 1),
          info[0].isEmpty() ? user : decode(info[0]),
          info.length > 1 ? decode(info[1]) : password);
    }

    private Parts withOptions(String options) {
      String newUser = user;
      String newPassword = password;
      List<String> others = new ArrayList<>();
      for (String option : options.split("&", -1)) {
        String[] pair = option.split("=", 2);
        String value = pair.length > 1 ? pair[1] : "";
        switch (pair[0]) {
          case "user" -> newUser = decode(value);
          case "password" -> newPassword = decode(value);
          default -> others.add(option);
        }
      }
      String left = others.isEmpty() ? "" : "?" + String.join("&", others);
      return new Parts(place + left, newUser, newPassword);
    }

    /** A plus sign is itself here, unlike in forms. */
    private static String decode(String text) {
      try {
        return URLDecoder.decode(text.replace("+", "%2B"), StandardCharsets.UTF_8);
      } catch (IllegalArgumentException e) {
        // Without the cause, whose message quotes the text.
        throw new IllegalArgumentException(
            "User or password of the database has a % that is not followed by two hexadecimal"
                + " digits; write %25 for the sign itself.");
      }
    }

    JdbcTarget target() {
      return new JdbcTarget("jdbc:postgresql:" + place, user, new Secret(password));
    }
  }

  /** Without the options of the URL, which may hold secrets as well ({@code sslpassword}). */
  @Override
  public String toString() {
    return "JdbcTarget[" + url.split("\\?", 2)[0] + ", user=" + user + "]";
  }
}
