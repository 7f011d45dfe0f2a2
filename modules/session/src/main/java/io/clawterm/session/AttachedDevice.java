package io.clawterm.session;

import io.clawterm.protocol.Mode;
import java.util.Optional;

/** A device that is attached now, and how far it has been served. */
final class AttachedDevice {

  final Attachment attachment;

  /** What the token that this attachment was given is made of. */
  final long generation;

  /** The number of the next entry to send. */
  long next;

  /** Entries up to this were there when the device came: they are replay. */
  final long replayUpTo;

  /** Bytes that may still be sent; one entry may go beyond. */
  long credit;

  /** A page of the journal is on its way. */
  boolean reading;

  /** How much of the journal the next page holds. */
  long pageBytes = AttachedDevices.FIRST_PAGE_BYTES;

  /** The highest number that the device has acknowledged. */
  long acknowledged;

  /** Why the session has ended: told once all output has been sent. */
  Optional<String> ending = Optional.empty();

  AttachedDevice(Attachment attachment, long generation, long next, long head) {
    this.attachment = attachment;
    this.generation = generation;
    this.next = next;
    this.replayUpTo = head;
    this.credit = attachment.windowBytes();
    this.acknowledged = next - 1;
  }

  /** Whether it is to change nothing of the session. */
  boolean onlyWatches() {
    return attachment.mode() == Mode.WATCH;
  }
}
