package io.clawterm.node;

import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.noClasses;
import static com.tngtech.archunit.library.dependencies.SlicesRuleDefinition.slices;
import static org.assertj.core.api.Assertions.assertThat;

import com.tngtech.archunit.core.domain.Dependency;
import com.tngtech.archunit.core.domain.JavaCall;
import com.tngtech.archunit.core.domain.JavaClass;
import com.tngtech.archunit.core.domain.JavaClasses;
import com.tngtech.archunit.core.domain.properties.HasName;
import com.tngtech.archunit.core.domain.properties.HasOwner;
import com.tngtech.archunit.core.importer.ClassFileImporter;
import com.tngtech.archunit.core.importer.ImportOption;
import com.tngtech.archunit.library.GeneralCodingRules;
import com.typesafe.config.ConfigFactory;
import io.clawterm.session.RemoteMessage;
import io.clawterm.session.SessionCommand;
import io.clawterm.testkit.ScriptedModelServer;
import java.io.IOException;
import java.lang.reflect.ParameterizedType;
import java.lang.reflect.RecordComponent;
import java.lang.reflect.Type;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.jspecify.annotations.NullMarked;
import org.junit.jupiter.api.Test;

/** The rules on how the modules hang together (docs/decisions/0001-modules.md). */
class ArchitectureTest {

  private static final String ROOT = "io.clawterm.";

  /** What the row of each module names; it may also use what those depend on. */
  private static final Map<String, Set<String>> ARROWS =
      Map.ofEntries(
          Map.entry("protocol", Set.of()),
          Map.entry("api", Set.of()),
          Map.entry("config", Set.of()),
          Map.entry("storage", Set.of("config")),
          Map.entry("testkit", Set.of("protocol", "api")),
          Map.entry("cluster", Set.of("storage")),
          Map.entry("telemetry", Set.of()),
          Map.entry("session", Set.of("protocol", "api", "config", "telemetry")),
          Map.entry("model", Set.of("api", "config", "telemetry")),
          Map.entry("agent", Set.of("session", "model")),
          Map.entry("edge", Set.of("session")),
          Map.entry("http", Set.of("session", "storage")),
          Map.entry("client", Set.of("protocol", "api")),
          Map.entry("node", Set.of("agent", "cluster", "edge", "http", "client")));

  private static final JavaClasses MAIN =
      new ClassFileImporter()
          .withImportOption(ImportOption.Predefined.DO_NOT_INCLUDE_TESTS)
          .importPackages("io.clawterm");

  @Test
  void aModuleUsesOnlyWhatItsRowNames() {
    Set<String> seen = new TreeSet<>();
    List<String> wrong = new ArrayList<>();
    for (JavaClass from : MAIN) {
      seen.add(module(from));
      Set<String> allowed = reachable(module(from));
      for (Dependency dependency : from.getDirectDependenciesFromSelf()) {
        JavaClass to = dependency.getTargetClass();
        if (to.getPackageName().startsWith(ROOT) && !allowed.contains(module(to))) {
          wrong.add(dependency.getDescription());
        }
      }
    }

    assertThat(seen).isEqualTo(new TreeSet<>(ARROWS.keySet()));
    assertThat(wrong).isEmpty();
  }

  private static Set<String> reachable(String module) {
    Set<String> all = new HashSet<>(Set.of(module));
    ARROWS.getOrDefault(module, Set.of()).forEach(next -> all.addAll(reachable(next)));
    return all;
  }

  private static String module(JavaClass type) {
    return type.getPackageName().substring(ROOT.length());
  }

  @Test
  void noPackagesDependOnEachOtherInACircle() {
    slices().matching("io.clawterm.(**)").should().beFreeOfCycles().check(MAIN);
  }

  @Test
  void whatHostsAndClientsCompileAgainstNeedsTheJdkAlone() {
    for (String module : List.of("protocol", "api")) {
      noClasses()
          .that()
          .resideInAPackage(ROOT + module)
          .should()
          .dependOnClassesThat()
          .resideOutsideOfPackages(ROOT + module, "java..", "javax.sql", "org.jspecify.annotations")
          .check(MAIN);
    }
  }

  @Test
  void onlyTheJournalsSideAndTheListOfSessionsSpeakSql() {
    noClasses()
        .that()
        .resideOutsideOfPackages("io.clawterm.storage", "io.clawterm.http")
        .should()
        .dependOnClassesThat()
        .resideInAPackage("java.sql..")
        .check(MAIN);
  }

  @Test
  void whatMessagesAndEventsHoldKnowsNoOpenTelemetry() {
    noClasses()
        .that()
        .resideInAnyPackage(ROOT + "api", ROOT + "protocol")
        .or()
        .areAssignableTo(RemoteMessage.class)
        .or()
        .areAssignableTo(SessionCommand.class)
        .or()
        .haveSimpleName("SessionEvent")
        .should()
        .dependOnClassesThat()
        .resideInAPackage("io.opentelemetry..")
        .check(MAIN);
  }

  @Test
  void onlyTheNodeKnowsHowSpansAreSent() {
    noClasses()
        .that()
        .resideOutsideOfPackage("io.clawterm.node")
        .should()
        .dependOnClassesThat()
        .resideInAnyPackage("io.opentelemetry.sdk..", "io.opentelemetry.exporter..")
        .check(MAIN);
  }

  @Test
  void everyPackageIsNullMarked() {
    assertThat(MAIN.stream().map(JavaClass::getPackage).distinct())
        .isNotEmpty()
        .allMatch(each -> each.isAnnotatedWith(NullMarked.class), "is @NullMarked");
  }

  /** So that {@code @NullMarked} of the main package holds for the tests in it as well. */
  @Test
  void everyTestLivesInAPackageOfItsModule() throws IOException {
    List<Path> modules = new ArrayList<>();
    Path root = repository();
    modules.add(root.resolve("protocol-codec"));
    modules.add(root.resolve("cluster-config"));
    modules.add(root.resolve("load-tests"));
    modules.add(root.resolve("docs/examples/embedded"));
    try (Stream<Path> folders = Files.list(root.resolve("modules"))) {
      folders.filter(folder -> Files.exists(folder.resolve("pom.xml"))).forEach(modules::add);
    }

    Set<Path> missing = new TreeSet<>();
    for (Path module : modules) {
      Path tests = module.resolve("src/test/java");
      if (!Files.exists(tests)) {
        continue;
      }
      try (Stream<Path> files = Files.walk(tests)) {
        files
            .filter(file -> file.toString().endsWith(".java"))
            .map(
                file -> module.resolve("src/main/java").resolve(tests.relativize(file.getParent())))
            .filter(folder -> !Files.exists(folder.resolve("package-info.java")))
            .forEach(missing::add);
      }
    }

    assertThat(modules).hasSizeGreaterThan(10);
    assertThat(missing).isEmpty();
  }

  static Path repository() {
    return Path.of("").toAbsolutePath().resolve("../..").normalize();
  }

  @Test
  void onlyCommandLinesWriteToTheStandardStreams() {
    noClasses()
        .that()
        // A server that tests start by hand as its own process.
        .doNotBelongToAnyOf(ScriptedModelServer.class)
        .should(GeneralCodingRules.ACCESS_STANDARD_STREAMS)
        .check(MAIN);
  }

  @Test
  void noThreadSleepsWhereItCouldWait() {
    noClasses()
        .that()
        // The accepting thread rests after an error of the system, such as no file left.
        .doNotHaveFullyQualifiedName("io.clawterm.edge.UnixEdge")
        .and()
        // The database tells nobody when another one's lock is free.
        .doNotHaveFullyQualifiedName("io.clawterm.cluster.Formation")
        .and()
        .doNotBelongToAnyOf(ScriptedModelServer.class)
        .should()
        .callMethodWhere(
            JavaCall.Predicates.target(HasName.Predicates.name("sleep"))
                .and(
                    JavaCall.Predicates.target(
                        HasOwner.Predicates.With.owner(
                            JavaClass.Predicates.assignableTo(Thread.class))))
                .as("Thread.sleep"))
        .check(MAIN);
  }

  /** A file lock of another process and a server's start tell nobody when they change. */
  @Test
  void onlyWhatWaitsForOtherProcessesPolls() {
    noClasses()
        .that()
        .haveNameNotMatching("io\\.clawterm\\.storage\\.(Postgres(Server|Watch)|DataFolderLock)")
        .and()
        .doNotHaveFullyQualifiedName("io.clawterm.client.FileStore")
        .and()
        .resideOutsideOfPackage("io.clawterm.testkit")
        .should()
        .dependOnClassesThat()
        .haveFullyQualifiedName("java.util.concurrent.locks.LockSupport")
        .check(MAIN);
  }

  @Test
  void nobodyLogsPastSlf4j() {
    GeneralCodingRules.NO_CLASSES_SHOULD_USE_JAVA_UTIL_LOGGING.check(MAIN);
    noClasses()
        .that()
        .doNotHaveFullyQualifiedName("io.clawterm.node.Logs") // the command line's choice
        .should()
        .dependOnClassesThat()
        .resideInAPackage("ch.qos.logback..")
        .check(MAIN);
  }

  @Test
  void onlyTheCommandLineActsOnTheProcess() {
    noClasses()
        .that()
        .doNotBelongToAnyOf(Main.class, ScriptedModelServer.class)
        .should()
        .callMethod(System.class, "exit", int.class)
        .check(MAIN);
    noClasses()
        .that()
        .doNotBelongToAnyOf(UpCommand.class)
        .should()
        .callMethod(Runtime.class, "addShutdownHook", Thread.class)
        .check(MAIN);
  }

  /** Who is answered may be on another node, so the answer must be able to go there. */
  @Test
  void whatARemoteMessageAsksForIsARemoteMessage() throws ClassNotFoundException {
    int asked = 0;
    List<String> wrong = new ArrayList<>();
    for (JavaClass each : MAIN.that(JavaClass.Predicates.assignableTo(RemoteMessage.class))) {
      Class<?> type = Class.forName(each.getName());
      if (!type.isRecord()) {
        continue;
      }
      for (RecordComponent component : type.getRecordComponents()) {
        if (component.getName().equals("replyTo")
            && component.getGenericType() instanceof ParameterizedType reference) {
          asked++;
          Type answer = reference.getActualTypeArguments()[0];
          if (!(answer instanceof Class<?> known && RemoteMessage.class.isAssignableFrom(known))) {
            wrong.add(type.getName() + "." + component.getName() + ": " + answer);
          }
        }
      }
    }

    assertThat(asked).isGreaterThan(2);
    assertThat(wrong).isEmpty();
  }

  /** What a later build reads of it, or a node of another build, is to know its form. */
  @Test
  void whatIsStoredOrSentBetweenNodesHasAVersion() {
    Set<String> versioned =
        ConfigFactory.load().getConfig("akka.serialization.jackson.migrations").root().keySet();
    Set<String> types =
        MAIN.stream()
            .filter(each ->
                each.isAssignableTo(RemoteMessage.class)
                    || each.isAssignableTo("io.clawterm.session.Stored"))
            .filter(each -> !each.isInterface())
            .map(JavaClass::getName)
            .collect(Collectors.toSet());

    assertThat(versioned).isEqualTo(types);
  }

  /** Sharding may carry a question to another node; only a target lives beside its session. */
  @Test
  void aQuestionToASessionIsARemoteMessage() throws ClassNotFoundException {
    List<String> wrong = new ArrayList<>();
    for (JavaClass each : MAIN.get(SessionCommand.class).getAllSubclasses()) {
      Class<?> type = Class.forName(each.getName());
      boolean asks =
          type.isRecord()
              && Stream.of(type.getRecordComponents())
                  .anyMatch(component -> component.getName().equals("replyTo"));
      if (asks
          && !SessionCommand.FromTarget.class.isAssignableFrom(type)
          && !RemoteMessage.class.isAssignableFrom(type)) {
        wrong.add(type.getName());
      }
    }

    assertThat(wrong).isEmpty();
  }
}
