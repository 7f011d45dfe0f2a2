package io.clawterm.session;

import io.clawterm.api.Principal;
import io.clawterm.api.SessionId;
import io.clawterm.telemetry.TraceContext;
import java.time.Instant;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalLong;

/** One of each thing that the journal and the snapshots keep, under the name of its golden file. */
final class StoredSamples {

  private static final Instant AT = Instant.parse("2026-11-21T12:34:56.123456789Z");
  private static final Principal ANN = new Principal("acme", "ann");
  private static final long GENERATION = (0x8000_0001L << 32) + 3;

  private static final TraceContext TRACE =
      new TraceContext("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01");

  private StoredSamples() {}

  static Map<String, Stored> all() {
    Map<String, Stored> samples = new LinkedHashMap<>();
    samples.put(
        "created",
        event(
            0,
            new SessionEvent.Created(
                ANN,
                Optional.of("agent:main:main"),
                "agent:main",
                Target.InputStyle.MESSAGES,
                0x8000_0001,
                2_592_000)));
    samples.put(
        "created-without-key",
        event(
            0,
            new SessionEvent.Created(
                ANN, Optional.empty(), "pty:bash", Target.InputStyle.VOLATILE, 7, 60)));
    samples.put("attached", event(5, new SessionEvent.DeviceAttached("laptop", GENERATION, 0)));
    samples.put("confirmed", event(5, new SessionEvent.TokenConfirmed("laptop")));
    samples.put(
        "input",
        event(
            5,
            new SessionEvent.InputReceived(
                "laptop",
                9,
                List.of(
                    new SessionCommand.InputFrame(Bytes.of("grüße"), false, true),
                    new SessionCommand.InputFrame(Bytes.of("{\"type\":\"abort\"}"), true, false),
                    new SessionCommand.InputFrame(
                        Bytes.wrap(new byte[] {0, -1, 27, 10}), false, false)),
                true)));
    samples.put(
        "input-to-do",
        new SessionEvent(
            AT,
            5,
            List.of(
                new SessionEvent.InputReceived(
                    "laptop",
                    9,
                    List.of(new SessionCommand.InputFrame(Bytes.of("hi"), false, false)),
                    true)),
            Optional.of(true)));
    samples.put(
        "emitted",
        event(
            8,
            new SessionEvent.Emitted(
                List.of(
                    Entry.text("a delta 𝄞"),
                    Entry.bytes(Bytes.wrap(new byte[] {27, 91, 72, -128}), true),
                    Entry.event("{\"type\":\"notice\",\"text\":\"hi\"}", "hi")),
                OptionalLong.of(3),
                Optional.of(new TargetMemo("{\"step\":1}", true)))));
    samples.put(
        "emitted-nothing-consumed",
        event(
            8,
            new SessionEvent.Emitted(
                List.of(Entry.text("x")), OptionalLong.empty(), Optional.empty())));
    samples.put(
        "detached", event(8, new SessionEvent.DeviceDetached("laptop", 7, OptionalLong.of(3_600))));
    samples.put(
        "detached-with-the-same-expiry",
        event(8, new SessionEvent.DeviceDetached("laptop", 7, OptionalLong.empty())));
    samples.put(
        "input-in-a-trace",
        new SessionEvent(
            AT,
            5,
            List.of(
                new SessionEvent.InputReceived(
                    "laptop",
                    9,
                    List.of(new SessionCommand.InputFrame(Bytes.of("hi"), false, false)),
                    true)),
            Optional.of(true),
            Optional.of(TRACE)));
    samples.put("trimmed", event(8, new SessionEvent.Trimmed(4)));
    samples.put("closed", event(8, new SessionEvent.Closed("closed by ann")));
    samples.put("state-absent", new SessionState.Absent());
    var identity =
        new SessionState.Identity(
            ANN,
            Optional.of("agent:main:main"),
            "agent:main",
            Target.InputStyle.MESSAGES,
            0x8000_0001,
            AT,
            Optional.empty());
    samples.put(
        "state-open",
        new SessionState.Open(
            identity,
            2_592_000,
            new LogExtent(4, 8, 1_234, List.of(new LogExtent.Mark(3, 2, 640, AT))),
            new InputQueue(
                3,
                2,
                List.of(
                    new TargetCommand.TargetInput(
                        3, "laptop", Bytes.of("x"), false, true, Optional.of(8L)))),
            Map.of("laptop", new SessionState.Device(GENERATION, GENERATION - 1, 9, 7, true)),
            Optional.of(new TargetMemo("{}", false)),
            AT,
            12));
    samples.put(
        "state-open-in-a-trace",
        new SessionState.Open(
            identity,
            2_592_000,
            new LogExtent(1, 1, 17, List.of()),
            new InputQueue(
                1,
                0,
                List.of(
                    new TargetCommand.TargetInput(
                        1,
                        "laptop",
                        Bytes.of("x"),
                        false,
                        true,
                        Optional.of(1L),
                        Optional.of(TRACE)))),
            Map.of(),
            Optional.empty(),
            AT,
            1));
    samples.put("state-ended", new SessionState.Ended(identity, 8, 13, "expired", AT));
    samples.put("import-begun", event(0, new SessionEvent.ImportBegun(ANN, "0badcafe", 4)));
    var carried =
        new TargetCommand.TargetInput(3, "laptop", Bytes.of("x"), false, true, Optional.of(8L));
    samples.put("import-input", event(8, new SessionEvent.InputImported(List.of(carried))));
    samples.put(
        "imported",
        event(
            8,
            new SessionEvent.Imported(
                ANN,
                Optional.of("agent:main:main"),
                "agent:main",
                Target.InputStyle.MESSAGES,
                0x8000_0001,
                2_592_000,
                AT.minusSeconds(86_400),
                3,
                2,
                Optional.of(new TargetMemo("{}", true)))));
    samples.put(
        "state-arriving",
        new SessionState.Arriving(
            ANN,
            "0badcafe",
            new LogExtent(4, 8, 1_234, List.of(new LogExtent.Mark(1, 1, 0, AT))),
            List.of(carried),
            3));
    samples.put(
        "state-open-imported",
        new SessionState.Open(
            new SessionState.Identity(
                ANN,
                Optional.of("agent:main:main"),
                "agent:main",
                Target.InputStyle.MESSAGES,
                0x8000_0001,
                AT,
                Optional.of("0badcafe")),
            60,
            new LogExtent(4, 8, 1_234, List.of()),
            new InputQueue(3, 3, List.of()),
            Map.of(),
            Optional.empty(),
            AT,
            4));
    var bound = new DirectoryEntity.Bound(new SessionId(0x9a2b_3c4d), AT);
    samples.put("bound", bound);
    samples.put("state-binding", new DirectoryEntity.Binding(Optional.of(bound)));
    return samples;
  }

  private static SessionEvent event(long head, SessionEvent.Change change) {
    return new SessionEvent(AT, head, List.of(change), Optional.empty());
  }
}
