package io.clawterm.storage;

import org.jspecify.annotations.Nullable;

/** The storage can't be used; the message says what is wrong and what to do about it. */
public final class StorageException extends RuntimeException {

  private static final long serialVersionUID = 1L;

  StorageException(String message) {
    this(message, null);
  }

  StorageException(String message, @Nullable Throwable cause) {
    super(message, cause);
  }
}
