package io.clawterm.node;

import picocli.CommandLine.Command;
import picocli.CommandLine.IVersionProvider;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/** {@code clawterm version}. */
@Command(
    name = "version",
    description = "Print which version this is.",
    mixinStandardHelpOptions = true)
final class VersionCommand implements Runnable {

  @Spec private CommandSpec spec;

  @Option(names = "--json", description = "As a JSON object.")
  private boolean json;

  @Override
  public void run() {
    String java = System.getProperty("java.version");
    spec.commandLine()
        .getOut()
        .println(
            json
                ? "{\"version\":\""
                    + Version.CURRENT
                    + "\",\"protocol\":1,\"java\":\""
                    + java
                    + "\"}"
                : "clawterm " + Version.CURRENT + " (protocol 1, Java " + java + ")");
  }

  /** For {@code --version}. */
  static final class Provider implements IVersionProvider {
    @Override
    public String[] getVersion() {
      return new String[] {"clawterm " + Version.CURRENT};
    }
  }
}
