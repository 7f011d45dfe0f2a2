package io.clawterm.node;

import io.clawterm.cluster.FormationException;
import io.clawterm.config.InvalidConfigurationException;
import io.clawterm.storage.StorageException;
import java.nio.file.AccessDeniedException;
import java.nio.file.FileSystemException;
import java.nio.file.NoSuchFileException;
import java.util.concurrent.CompletionException;
import java.util.concurrent.ExecutionException;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Spec;

/** The command line. */
@Command(
    name = "clawterm",
    description = "Sessions with AI agents that survive lost connections, crashes and restarts.",
    mixinStandardHelpOptions = true,
    versionProvider = VersionCommand.Provider.class,
    subcommands = {
      UpCommand.class,
      ConnectCommand.class,
      ResumeCommand.class,
      SendCommand.class,
      SessionsCommand.class,
      CloseCommand.class,
      ExportCommand.class,
      ImportCommand.class,
      StatusCommand.class,
      SettingsCommand.class,
      ClusterCommand.class,
      TopCommand.class,
      DrainCommand.class,
      DoctorCommand.class,
      VersionCommand.class,
      WarmUpCommand.class,
      CommandLine.HelpCommand.class
    },
    footer = {
      "",
      "First steps:",
      "  clawterm up                   start a server on this machine",
      "  clawterm connect              talk to agent:main (in a second terminal)",
      "  clawterm connect agent:demo   a scripted agent that needs no key",
      "",
      "Exit codes: 0 done, 1 failed, 2 wrong use or configuration, 3 no server."
    })
public final class Main implements Runnable {

  static final int FAILED = 1;
  static final int WRONG_USE = 2;
  static final int NO_SERVER = 3;

  @Spec private CommandSpec spec;

  /** Runs one command and ends the process with its exit code. */
  public static void main(String[] arguments) {
    System.exit(commandLine().execute(arguments));
  }

  static CommandLine commandLine() {
    return new CommandLine(new Main())
        .setCaseInsensitiveEnumValuesAllowed(true)
        .setExecutionExceptionHandler(Main::tell);
  }

  @Override
  public void run() {
    spec.commandLine().usage(spec.commandLine().getOut());
  }

  /** What can be expected to go wrong is one clear message; the rest is shown whole. */
  private static int tell(
      Exception failure, CommandLine command, CommandLine.ParseResult arguments) {
    Throwable cause = failure;
    while ((cause instanceof ExecutionException || cause instanceof CompletionException)
        && cause.getCause() != null) {
      cause = cause.getCause();
    }
    String prefix = "clawterm: ";
    switch (cause) {
      case InvalidConfigurationException invalid -> {
        command.getErr().println(prefix + invalid.getMessage());
        return WRONG_USE;
      }
      case NoServerException none -> {
        command.getErr().println(prefix + none.getMessage());
        return NO_SERVER;
      }
      case StartException start -> command.getErr().println(prefix + start.getMessage());
      case StorageException storage -> command.getErr().println(prefix + storage.getMessage());
      case FormationException alone -> command.getErr().println(prefix + alone.getMessage());
      case FileSystemException file ->
          command.getErr().println(prefix + "cannot use the file " + reason(file));
      case CommandFailedException failed -> command.getErr().println(prefix + failed.getMessage());
      default -> {
        command.getErr().println(prefix + "an error that should not happen; please report it:");
        cause.printStackTrace(command.getErr());
      }
    }
    return FAILED;
  }

  private static String reason(FileSystemException failure) {
    return switch (failure) {
      case NoSuchFileException none -> none.getFile() + ": there is none";
      case AccessDeniedException denied -> denied.getFile() + ": no permission";
      default -> String.valueOf(failure.getMessage());
    };
  }
}
