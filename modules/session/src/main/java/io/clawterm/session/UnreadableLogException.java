package io.clawterm.session;

import com.fasterxml.jackson.core.JsonProcessingException;
import java.io.EOFException;
import java.io.ObjectStreamException;
import java.sql.SQLException;
import java.util.zip.ZipException;
import org.jspecify.annotations.Nullable;

/**
 * A session's journal or snapshot holds what this build can't read: damaged bytes, the event of a
 * later release, one that can't follow. To try again helps only once the bytes or the build are
 * others. Whatever else fails, above all the database, is worth another try.
 */
final class UnreadableLogException extends RuntimeException {

  private static final long serialVersionUID = 1L;

  /** What a device is told; for people. */
  static final String TEXT =
      "this server cannot read the session's log; nothing of it is lost, and whoever runs the"
          + " server can mend that";

  /** The events were read, but make no state that can be. */
  UnreadableLogException(String text) {
    super(text);
  }

  /** An event was read, but can't follow the state that the ones before it have made. */
  UnreadableLogException(String text, Throwable cause) {
    super(text, cause);
  }

  /** Whether a failed read says so. */
  static boolean isCauseOf(Throwable failure) {
    for (@Nullable Throwable cause = failure; cause != null; cause = cause.getCause()) {
      switch (cause) {
        case UnreadableLogException unreadable -> {
          return true;
        }
        // A server that goes away in the middle of an answer ends a stream early as well.
        case SQLException database -> {
          return false;
        }
        // No such serializer, or no such class.
        case ObjectStreamException unknown -> {
          return true;
        }
        case JsonProcessingException damaged -> {
          return true;
        }
        // What is large is stored compressed.
        case ZipException damaged -> {
          return true;
        }
        case EOFException cut -> {
          return true;
        }
        // A class that is stored, but not by sessions, or not to be read at all.
        case ClassCastException other -> {
          return true;
        }
        case IllegalArgumentException refused -> {
          return true;
        }
        default -> {} // the next one may say more
      }
    }
    return false;
  }
}
