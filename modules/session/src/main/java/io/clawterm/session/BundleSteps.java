package io.clawterm.session;

import io.clawterm.api.Principal;
import io.clawterm.api.SessionId;
import java.security.SecureRandom;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.function.Function;

/**
 * What a session decides about its export and about each step of an import, against its durable
 * state alone.
 *
 * <p>An import is many commits, and a crash may come between any two. Until the last one the
 * session is {@link SessionState.Arriving}, which is no session for anybody else; the import of the
 * same bundle goes on behind what is stored, that of another one begins anew.
 */
final class BundleSteps {

  /** A message between nodes has to fit Artery's 256 KiB, with the memo beside the input. */
  static final long PART_BYTES = 98_304;

  /** A change to store, if any, and what is answered once it is durable. */
  record Decision(Optional<SessionEvent.Change> change, ImportReply reply) {}

  private BundleSteps() {}

  // ---- export ----

  static ExportReply export(SessionId id, SessionState durable, SessionCommand.Export export) {
    if (!(durable instanceof SessionState.Open open)
        || !open.identity().owner().equals(export.principal())) {
      return new ExportReply.NoSuchSession();
    }
    SessionState.Identity identity = open.identity();
    if (identity.style() != Target.InputStyle.MESSAGES) {
      return new ExportReply.NotMovable(identity.target());
    }
    InputQueue input = open.input();
    var manifest =
        new BundleManifest(
            id,
            identity.key().filter(key -> !SessionKeys.isNonce(key)),
            identity.target(),
            identity.createdAt(),
            open.expirySeconds(),
            open.log().first(),
            open.log().head(),
            input.received(),
            input.consumed(),
            input.waiting().size(),
            open.memo());
    return new ExportReply.Exported(
        open.events(),
        manifest,
        open.log().journalOf(open.log().first()),
        page(input.waiting(), export.afterInput()));
  }

  private static List<TargetCommand.TargetInput> page(
      List<TargetCommand.TargetInput> waiting, long after) {
    List<TargetCommand.TargetInput> page = new ArrayList<>();
    long bytes = 0;
    for (TargetCommand.TargetInput input : waiting) {
      if (input.number() > after) {
        bytes += size(input);
        if (!page.isEmpty() && bytes > PART_BYTES) {
          break;
        }
        page.add(input);
      }
    }
    return page;
  }

  /** What an input takes in a message, about. */
  static long size(TargetCommand.TargetInput input) {
    return input.body().length() + input.device().length() + 96L;
  }

  // ---- import ----

  static Decision decide(
      SessionState state,
      SessionCommand.Import step,
      Function<String, Targets.Found> targets,
      SessionSettings settings) {
    return switch (state) {
      case SessionState.Absent absent ->
          step instanceof SessionCommand.BeginImport begin
              ? begin(begin, targets)
              : answer(new ImportReply.Displaced()); // nothing has begun
      case SessionState.Arriving arriving -> {
        boolean mine =
            arriving.bundle().equals(step.bundle()) && arriving.owner().equals(step.principal());
        yield switch (step) {
          case SessionCommand.BeginImport begin when !mine -> begin(begin, targets);
          case SessionCommand.BeginImport begin -> answer(standing(arriving));
          case SessionCommand.Import other when !mine -> answer(new ImportReply.Displaced());
          case SessionCommand.ImportEntries entries -> entries(arriving, entries);
          case SessionCommand.ImportInput input -> input(arriving, input);
          case SessionCommand.EndImport end -> end(arriving, end, targets, settings);
        };
      }
      case SessionState.Open open -> {
        boolean same =
            open.identity().bundle().equals(Optional.of(step.bundle()))
                && open.identity().owner().equals(step.principal());
        yield answer(
            same
                ? new ImportReply.Here(open.identity().key(), false)
                : taken("open", open.identity().owner(), open.head(), step));
      }
      case SessionState.Ended ended ->
          answer(taken("ended", ended.identity().owner(), ended.head(), step));
    };
  }

  private static Decision answer(ImportReply reply) {
    return new Decision(Optional.empty(), reply);
  }

  /** Of somebody else's session only that the id is in use: each CONNECT tells as much. */
  private static ImportReply taken(
      String phase, Principal owner, long head, SessionCommand.Import step) {
    return owner.equals(step.principal())
        ? new ImportReply.Taken(phase, head)
        : new ImportReply.Taken("", 0);
  }

  private static ImportReply standing(SessionState.Arriving arriving) {
    return new ImportReply.Standing(arriving.head(), arriving.lastInput());
  }

  private static Decision begin(
      SessionCommand.BeginImport begin, Function<String, Targets.Found> targets) {
    Optional<String> refusal = refusal(targets.apply(begin.target()), begin.target());
    return refusal.isPresent()
        ? answer(new ImportReply.NoTarget(refusal.get()))
        : new Decision(
            Optional.of(
                new SessionEvent.ImportBegun(
                    begin.principal(), begin.bundle(), begin.firstNumber())),
            new ImportReply.Standing(begin.firstNumber() - 1, 0));
  }

  /** Why a session with this target can't be taken in, if it can't. */
  private static Optional<String> refusal(Targets.Found found, String name) {
    return switch (found) {
      case Targets.Found.Missing missing -> Optional.of(missing.text());
      case Targets.Found.Denied denied -> Optional.of(denied.text());
      case Targets.Found.Available available ->
          available.target().inputStyle() == Target.InputStyle.MESSAGES
              ? Optional.empty()
              : Optional.of(name + " is no agent; only sessions with agents can be moved");
    };
  }

  private static Decision entries(
      SessionState.Arriving arriving, SessionCommand.ImportEntries step) {
    if (step.firstNumber() != arriving.head() + 1 || step.entries().isEmpty()) {
      return answer(standing(arriving)); // a repetition: the import goes on where it stands
    }
    return new Decision(
        Optional.of(
            new SessionEvent.Emitted(step.entries(), OptionalLong.empty(), Optional.empty())),
        new ImportReply.Standing(arriving.head() + step.entries().size(), arriving.lastInput()));
  }

  private static Decision input(SessionState.Arriving arriving, SessionCommand.ImportInput step) {
    List<TargetCommand.TargetInput> fresh =
        step.inputs().stream().filter(input -> input.number() > arriving.lastInput()).toList();
    return fresh.isEmpty()
        ? answer(standing(arriving))
        : new Decision(
            Optional.of(new SessionEvent.InputImported(fresh)),
            new ImportReply.Standing(arriving.head(), fresh.getLast().number()));
  }

  private static Decision end(
      SessionState.Arriving arriving,
      SessionCommand.EndImport end,
      Function<String, Targets.Found> targets,
      SessionSettings settings) {
    BundleManifest manifest = end.manifest();
    if (arriving.head() != manifest.headNumber()
        || arriving.log().first() != manifest.firstNumber()
        || arriving.waiting().size() != manifest.waiting()) {
      return answer(standing(arriving));
    }
    Optional<String> refusal = refusal(targets.apply(manifest.target()), manifest.target());
    if (refusal.isPresent()) {
      return answer(new ImportReply.NoTarget(refusal.get()));
    }
    return new Decision(
        Optional.of(
            new SessionEvent.Imported(
                end.principal(),
                Optional.of(end.key()),
                manifest.target(),
                Target.InputStyle.MESSAGES,
                new SecureRandom().nextInt() | 1,
                Math.min(manifest.expirySeconds(), settings.maxExpiry().toSeconds()),
                manifest.createdAt(),
                manifest.received(),
                manifest.consumed(),
                manifest.memo())),
        new ImportReply.Here(Optional.of(end.key()), true));
  }
}
