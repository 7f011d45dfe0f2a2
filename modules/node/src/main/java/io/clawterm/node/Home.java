package io.clawterm.node;

import java.nio.file.Path;

/** The home folder of whoever runs this process. */
final class Home {

  private Home() {}

  /** What the shell calls {@code ~}; Java itself looks into the list of users, past HOME. */
  static Path folder() {
    String home = System.getenv("HOME");
    return Path.of(home != null && !home.isBlank() ? home : System.getProperty("user.home"));
  }
}
