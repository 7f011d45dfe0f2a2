package io.clawterm.storage;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;

/**
 * The account that PostgreSQL's programs run under, because they refuse to run as root.
 *
 * <p>An ordinary user runs them as is. Root runs them in a user namespace of their own, where they
 * see an unprivileged user while the files stay root's. Where user namespaces are forbidden, as in
 * many containers, they run as {@code nobody}, to whom the data then belongs.
 *
 * @param prefix what stands before each command
 * @param owner user id that the data must belong to
 */
record ServerAccount(List<String> prefix, int owner) {

  private static final int ROOT = 0;
  private static final int NOBODY = 65534;
  private static final Duration PROBE = Duration.ofSeconds(10);

  ServerAccount {
    prefix = List.copyOf(prefix);
  }

  /** The account that fits the user of this process. */
  static ServerAccount ofThisProcess() {
    int user = currentUser();
    if (user != ROOT) {
      return new ServerAccount(List.of(), user);
    }
    if (works(namespace())) {
      return namespace();
    }
    if (works(nobody())) {
      return nobody();
    }
    throw new StorageException(
        "PostgreSQL does not run as root, and neither a user namespace (unshare -U) nor a change"
            + " of user (setpriv) is permitted here. Start the node as an ordinary user, or give a"
            + " server (--database).");
  }

  static ServerAccount namespace() {
    return new ServerAccount(List.of("unshare", "-U", "--"), ROOT);
  }

  static ServerAccount nobody() {
    String id = String.valueOf(NOBODY);
    return new ServerAccount(
        List.of("setpriv", "--reuid", id, "--regid", id, "--clear-groups", "--"), NOBODY);
  }

  private static boolean works(ServerAccount account) {
    try {
      return Command.run(account.command("true"), Path.of("/"), PROBE).succeeded();
    } catch (IOException e) {
      return false; // that program isn't there
    }
  }

  /** The user id of this process. */
  static int currentUser() {
    try {
      // The JDK shows the id only as the owner of a file.
      Path probe = Files.createTempFile("clawterm", ".uid");
      try {
        return (int) Files.getAttribute(probe, "unix:uid");
      } finally {
        Files.delete(probe);
      }
    } catch (IOException e) {
      throw Folders.unusable(Path.of(System.getProperty("java.io.tmpdir")), e);
    }
  }

  /** The command line that runs a program under this account. */
  List<String> command(Object... words) {
    List<String> command = new ArrayList<>(prefix);
    for (Object word : words) {
      command.add(word.toString());
    }
    return command;
  }

  /** Gives a folder and all in it to this account, unless it is its already. */
  void own(Path folder) throws IOException {
    if ((int) Files.getAttribute(folder, "unix:uid") == owner) {
      return;
    }
    try (Stream<Path> all = Files.walk(folder)) {
      // The folder itself comes last: it tells whether all was done.
      for (Path path : all.toList().reversed()) {
        Files.setAttribute(path, "unix:uid", owner, LinkOption.NOFOLLOW_LINKS);
        Files.setAttribute(path, "unix:gid", owner, LinkOption.NOFOLLOW_LINKS);
      }
    }
  }

  /** Fails when this account can't get into a folder. */
  void requireAccess(Path folder) throws IOException {
    if (!Command.run(command("test", "-x", folder), Path.of("/"), PROBE).succeeded()) {
      throw new StorageException(
          "PostgreSQL does not run as root, and the user nobody, who runs it instead, can't get"
              + " into "
              + folder
              + ". Choose a data folder that all may enter, such as one below /var/lib (--data), or"
              + " start the node as an ordinary user.");
    }
  }
}
