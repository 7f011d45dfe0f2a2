package io.clawterm.session;

import static org.assertj.core.api.Assertions.assertThat;

import akka.actor.testkit.typed.javadsl.ActorTestKit;
import akka.actor.testkit.typed.javadsl.TestProbe;
import akka.serialization.Serialization;
import akka.serialization.SerializationExtension;
import akka.serialization.Serializer;
import akka.serialization.Serializers;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.SerializationFeature;
import com.fasterxml.jackson.databind.node.ObjectNode;
import com.fasterxml.jackson.dataformat.cbor.databind.CBORMapper;
import io.clawterm.api.Principal;
import io.clawterm.api.SessionId;
import io.clawterm.protocol.Code;
import io.clawterm.protocol.Mode;
import io.clawterm.telemetry.TraceContext;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import scala.util.Try;

/**
 * What is stored and what crosses nodes, as bytes. {@code -Dclawterm.golden=FOLDER} writes the
 * golden files that are missing; those of a release are never changed.
 */
class StoredFormTest {

  private static final String GOLDEN = "/golden/0.1/";
  private static final ActorTestKit KIT = ActorTestKit.create("stored-form");
  private static final Serialization SERIALIZATION = SerializationExtension.get(KIT.system());

  @AfterAll
  static void stop() {
    KIT.shutdownTestKit();
  }

  static Stream<Map.Entry<String, Stored>> samples() {
    return StoredSamples.all().entrySet().stream();
  }

  @ParameterizedTest
  @MethodSource("samples")
  void whatIsStoredIsReadBack(Map.Entry<String, Stored> sample) {
    KIT.serializationTestKit().verifySerialization(sample.getValue(), true);
    assertThat(serializer(sample.getValue()).getClass().getSimpleName())
        .isEqualTo("JacksonCborSerializer");
  }

  @ParameterizedTest
  @MethodSource("samples")
  void whatEarlierVersionsHaveStoredIsReadBack(Map.Entry<String, Stored> sample)
      throws IOException {
    writeIfAsked(sample.getKey(), sample.getValue());
    Serializer serializer = serializer(sample.getValue());
    String manifest = sample.getValue().getClass().getName(); // there were no versions in it
    String file = GOLDEN + sample.getKey() + ".cbor";
    byte[] golden;
    try (InputStream in =
        Objects.requireNonNull(getClass().getResourceAsStream(file), "no golden file " + file)) {
      golden = in.readAllBytes();
    }

    Object read = SERIALIZATION.deserialize(golden, serializer.identifier(), manifest).get();

    assertThat(read).isEqualTo(sample.getValue());
  }

  /** So may a release before this one, that knows no trace, read what this one stores. */
  @ParameterizedTest
  @MethodSource("samples")
  void whatALaterVersionAddsIsPassedOver(Map.Entry<String, Stored> sample) throws IOException {
    Serializer serializer = serializer(sample.getValue());
    String manifest = Serializers.manifestFor(serializer, sample.getValue());
    var mapper = new CBORMapper();
    var form = (ObjectNode) mapper.readTree(serializer.toBinary(sample.getValue()));
    form.putObject("later").put("more", "x".repeat(200));

    Object read =
        SERIALIZATION
            .deserialize(mapper.writeValueAsBytes(form), serializer.identifier(), manifest)
            .get();

    assertThat(read).isEqualTo(sample.getValue());
  }

  @ParameterizedTest
  @MethodSource("samples")
  void whatIsStoredCarriesItsVersion(Map.Entry<String, Stored> sample) {
    assertThat(manifest(sample.getValue()))
        .isEqualTo(sample.getValue().getClass().getName() + "#1");
  }

  /** It stops its session, and nothing else: {@link UnreadableSession}. */
  @ParameterizedTest
  @MethodSource("samples")
  void whatHasALaterVersionIsRefused(Map.Entry<String, Stored> sample) {
    Serializer serializer = serializer(sample.getValue());
    String later = sample.getValue().getClass().getName() + "#2";

    Try<Object> read =
        SERIALIZATION.deserialize(
            serializer.toBinary(sample.getValue()), serializer.identifier(), later);

    assertThat(read.isFailure()).isTrue();
    assertThat(read.failed().get()).hasMessageContaining("version 2");
    assertThat(UnreadableLogException.isCauseOf(read.failed().get())).isTrue();
  }

  /** Has no migration, as all types in builds from before there were versions. */
  record WithoutVersion(String text) implements Stored {}

  /** In a rolling update such a build is beside this one, and reads what this one writes. */
  @Test
  void whoeverKnowsNoVersionsPassesOverThem() {
    var stored = new WithoutVersion("x");
    Serializer serializer = serializer(stored);
    assertThat(manifest(stored)).isEqualTo(WithoutVersion.class.getName());

    Object read =
        SERIALIZATION
            .deserialize(
                serializer.toBinary(stored), serializer.identifier(), manifest(stored) + "#1")
            .get();

    assertThat(read).isEqualTo(stored);
  }

  @Test
  void withoutATraceNothingIsStoredOrSentOfIt() throws IOException {
    var mapper = new CBORMapper();
    var frame = new SessionCommand.InputFrame(Bytes.of("x"), false, false);
    for (Object untraced :
        List.of(
            Objects.requireNonNull(StoredSamples.all().get("input-to-do")),
            Objects.requireNonNull(StoredSamples.all().get("state-open")),
            new SessionCommand.Input(1, 2, List.of(frame)))) {
      byte[] bytes = SERIALIZATION.findSerializerFor(untraced).toBinary(untraced);

      assertThat(mapper.readTree(bytes).findValue("trace")).isNull();
    }
  }

  @Test
  void everyStoredTypeHasAGoldenFile() {
    List<Class<?>> sampled =
        StoredSamples.all().values().stream()
            .<Class<?>>map(stored ->
                stored instanceof SessionEvent event
                    ? event.changes().getFirst().getClass()
                    : stored.getClass())
            .toList();

    assertThat(sampled).contains(SessionEvent.Change.class.getPermittedSubclasses());
    assertThat(sampled).contains(SessionState.class.getPermittedSubclasses());
    assertThat(sampled).contains(DirectoryEntity.Bound.class, DirectoryEntity.Binding.class);
  }

  @Test
  void whatCrossesNodesArrivesAsItWasSent() {
    TestProbe<DeviceMessage> edge = KIT.createTestProbe();
    TestProbe<SessionCommand> entity = KIT.createTestProbe();
    TestProbe<SessionCommand.CloseReply> closer = KIT.createTestProbe();
    TestProbe<SessionCommand.Description> describer = KIT.createTestProbe();
    TestProbe<DirectoryEntity.Resolved> resolver = KIT.createTestProbe();
    TestProbe<ExportReply> exporter = KIT.createTestProbe();
    TestProbe<ImportReply> importer = KIT.createTestProbe();
    SessionId id = new SessionId(-5);
    var manifest =
        new BundleManifest(
            id,
            Optional.of("k"),
            "agent:main",
            Instant.parse("2026-11-21T12:34:56.123456789Z"),
            60,
            2,
            3,
            4,
            3,
            1,
            Optional.of(new TargetMemo("{}", true)));
    var input =
        new TargetCommand.TargetInput(4, "laptop", Bytes.of("x"), false, true, Optional.of(3L));
    var attachment =
        new Attachment(
            1L << 40,
            "laptop",
            edge.getRef(),
            Mode.WATCH,
            65_536,
            Optional.of(new Attachment.WindowSize(80, 24)));
    var plain = new Attachment(2, "phone", edge.getRef(), Mode.SHARE, 0, Optional.empty());
    var frame = new SessionCommand.InputFrame(Bytes.wrap(new byte[] {0, -1}), true, true);
    List<RemoteMessage> messages =
        List.of(
            new SessionCommand.Connect(
                Principal.LOCAL,
                "agent:main",
                Optional.of("k"),
                Optional.of(Duration.ofSeconds(90)),
                attachment),
            new SessionCommand.Connect(
                Principal.LOCAL, "agent:main", Optional.empty(), Optional.empty(), plain),
            new SessionCommand.Resume(Principal.LOCAL, -7, 1L << 33, attachment),
            new SessionCommand.Input(1, 2, List.of(frame)),
            new SessionCommand.Input(1, 2, List.of(frame), Optional.of(new TraceContext("00-a"))),
            new SessionCommand.Confirm(1),
            new SessionCommand.Release(1, 2, 3),
            new SessionCommand.Resize(1, new Attachment.WindowSize(1, 2)),
            new SessionCommand.Detach(1, 2),
            new SessionCommand.Suspend(1, 2, Optional.of(Duration.ofDays(1))),
            new SessionCommand.Suspend(1, 2, Optional.empty()),
            new SessionCommand.Disconnect(1, 2),
            new SessionCommand.Close(Principal.LOCAL, closer.getRef()),
            SessionCommand.CloseReply.CLOSED,
            SessionCommand.CloseReply.NO_SUCH_SESSION,
            new SessionCommand.ExpireIfDue(),
            new SessionCommand.Wake(),
            new SessionCommand.Leave(),
            new SessionCommand.Describe(describer.getRef()),
            new SessionCommand.Description("open", "agent:main", 5, List.of("laptop"), true),
            new DeviceMessage.Attached(
                id, 1, entity.getRef(), -9, 2, 3, 4, Optional.of("k"), Duration.ofDays(30)),
            new DeviceMessage.Attached(
                id, 1, entity.getRef(), 9, 2, 3, 4, Optional.empty(), Duration.ZERO),
            new DeviceMessage.Refused(id, 1, DeviceMessage.Refusal.AHEAD, "text"),
            new DeviceMessage.Output(
                id,
                1,
                7,
                List.of(
                    Entry.text("x"),
                    Entry.bytes(Bytes.wrap(new byte[] {1}), true),
                    Entry.event("{}", "y")),
                true),
            new DeviceMessage.InputDurable(id, 1, 8),
            new DeviceMessage.Detached(id, 1, Code.TAKEN_OVER, "text"),
            new DirectoryEntity.Resolve(
                id, Optional.of(id), Optional.of(Duration.ofMinutes(10)), resolver.getRef()),
            new DirectoryEntity.Resolve(id, Optional.empty(), Optional.empty(), resolver.getRef()),
            new DirectoryEntity.Resolved(id),
            new SessionCommand.Export(Principal.LOCAL, 3, exporter.getRef()),
            new SessionCommand.BeginImport(
                Principal.LOCAL, "0badcafe", 2, "agent:main", importer.getRef()),
            new SessionCommand.ImportEntries(
                Principal.LOCAL, "0badcafe", 2, List.of(Entry.text("x")), importer.getRef()),
            new SessionCommand.ImportInput(
                Principal.LOCAL, "0badcafe", List.of(input), importer.getRef()),
            new SessionCommand.EndImport(
                Principal.LOCAL, "0badcafe", manifest, "k", importer.getRef()),
            new ExportReply.Exported(7, manifest, 1, List.of(input)),
            new ExportReply.NoSuchSession(),
            new ExportReply.NotMovable("pty:bash"),
            new ImportReply.Standing(1, 2),
            new ImportReply.Here(Optional.of("k"), true),
            new ImportReply.Here(Optional.empty(), false),
            new ImportReply.Taken("open", 5),
            new ImportReply.Displaced(),
            new ImportReply.NoTarget("text"));

    for (RemoteMessage message : messages) {
      KIT.serializationTestKit().verifySerialization(message, true);
      assertThat(manifest(message)).isEqualTo(message.getClass().getName() + "#1");
    }
    assertThat(messages.stream().map(Object::getClass).toList())
        .contains(remote(SessionCommand.class))
        .contains(remote(DeviceMessage.class))
        .contains(remote(ExportReply.class))
        .contains(remote(ImportReply.class));
  }

  private static Class<?>[] remote(Class<?> sealed) {
    return Arrays.stream(sealed.getPermittedSubclasses())
        .flatMap(type ->
            type.isSealed() ? Arrays.stream(type.getPermittedSubclasses()) : Stream.of(type))
        .filter(RemoteMessage.class::isAssignableFrom)
        .toArray(Class<?>[]::new);
  }

  private static String manifest(Object message) {
    return Serializers.manifestFor(SERIALIZATION.findSerializerFor(message), message);
  }

  private static Serializer serializer(Stored stored) {
    return SERIALIZATION.findSerializerFor(stored);
  }

  private static void writeIfAsked(String name, Stored stored) throws IOException {
    String folder = System.getProperty("clawterm.golden");
    if (folder == null) {
      return;
    }
    Path file = Path.of(folder, name + ".cbor");
    if (Files.notExists(file)) {
      byte[] bytes = serializer(stored).toBinary(stored);
      Files.write(file, bytes);
      // For people: what the binary file holds.
      Files.writeString(
          Path.of(folder, name + ".json"),
          new ObjectMapper()
                  .enable(SerializationFeature.INDENT_OUTPUT)
                  .writeValueAsString(new CBORMapper().readTree(bytes))
              + "\n");
    }
  }
}
