package io.clawterm.node;

import ch.qos.logback.classic.Level;
import ch.qos.logback.classic.Logger;
import ch.qos.logback.classic.LoggerContext;
import ch.qos.logback.classic.encoder.JsonEncoder;
import ch.qos.logback.classic.encoder.PatternLayoutEncoder;
import ch.qos.logback.classic.filter.ThresholdFilter;
import ch.qos.logback.classic.spi.ILoggingEvent;
import ch.qos.logback.core.ConsoleAppender;
import ch.qos.logback.core.rolling.RollingFileAppender;
import ch.qos.logback.core.rolling.SizeAndTimeBasedRollingPolicy;
import ch.qos.logback.core.util.FileSize;
import java.nio.file.Path;
import org.slf4j.LoggerFactory;
import org.slf4j.bridge.SLF4JBridgeHandler;

/**
 * Where the command line's process logs: everything from INFO on as JSON lines in the data folder,
 * warnings on the terminal as well. Only the command line does this; a host keeps its own logging.
 */
final class Logs {

  private static final String FILE_SIZE = "10MB";
  private static final int DAYS = 14;
  private static final String TOTAL_SIZE = "200MB";

  private Logs() {}

  static void toFolder(Path data) {
    LoggerContext context = quiet();
    Path folder = data.resolve("logs");

    var file = new RollingFileAppender<ILoggingEvent>();
    file.setContext(context);
    file.setFile(folder.resolve("clawterm.log").toString());
    file.setEncoder(json(context));
    var rolling = new SizeAndTimeBasedRollingPolicy<ILoggingEvent>();
    rolling.setContext(context);
    rolling.setParent(file);
    rolling.setFileNamePattern(folder.resolve("clawterm.%d.%i.log.gz").toString());
    rolling.setMaxFileSize(FileSize.valueOf(FILE_SIZE));
    rolling.setMaxHistory(DAYS);
    rolling.setTotalSizeCap(FileSize.valueOf(TOTAL_SIZE));
    rolling.start();
    file.setRollingPolicy(rolling);
    file.start();

    Logger root = context.getLogger(Logger.ROOT_LOGGER_NAME);
    root.setLevel(Level.INFO);
    root.addAppender(file);
    root.addAppender(console(context));
    // Libraries that log to the JDK would write to the terminal, past the file.
    SLF4JBridgeHandler.removeHandlersForRootLogger();
    SLF4JBridgeHandler.install();
    // A port in use: whoever binds tells it in words, without Akka's stack trace before them.
    context.getLogger("akka.io.TcpListener").setLevel(Level.OFF);
    // What is still on its way to a relayed pod's side that has ended: that is how relays end.
    context.getLogger("akka.stream.impl.streamref").setLevel(Level.ERROR);
  }

  /** What is logged from now on; the terminal shows warnings alone all the same. */
  static void level(NodeSettings.LogLevel level) {
    LoggerContext context = (LoggerContext) LoggerFactory.getILoggerFactory();
    context.getLogger(Logger.ROOT_LOGGER_NAME).setLevel(Level.toLevel(level.name()));
  }

  /** For commands that talk to a person: warnings only, on standard error. */
  static void onTerminal() {
    LoggerContext context = quiet();
    context.getLogger(Logger.ROOT_LOGGER_NAME).addAppender(console(context));
  }

  /** One JSON object a line. */
  static JsonEncoder json(LoggerContext context) {
    var json = new JsonEncoder();
    json.setContext(context);
    json.setWithFormattedMessage(true);
    json.setWithMessage(false);
    json.setWithSequenceNumber(false);
    json.setWithNanoseconds(false);
    json.setWithContext(false);
    json.start();
    return json;
  }

  private static LoggerContext quiet() {
    LoggerContext context = (LoggerContext) LoggerFactory.getILoggerFactory();
    context.reset();
    context.getLogger(Logger.ROOT_LOGGER_NAME).setLevel(Level.WARN);
    return context;
  }

  private static ConsoleAppender<ILoggingEvent> console(LoggerContext context) {
    var pattern = new PatternLayoutEncoder();
    pattern.setContext(context);
    pattern.setPattern("%d{HH:mm:ss} %-5level %msg %kvp{DOUBLE}%n%ex{1}");
    pattern.start();
    var warnings = new ThresholdFilter();
    warnings.setLevel(Level.WARN.levelStr);
    warnings.start();
    var console = new ConsoleAppender<ILoggingEvent>();
    console.setContext(context);
    console.setTarget("System.err");
    console.setEncoder(pattern);
    console.addFilter(warnings);
    console.start();
    return console;
  }
}
