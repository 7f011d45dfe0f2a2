package io.clawterm.session;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.EOFException;
import java.sql.SQLException;
import org.junit.jupiter.api.Test;

class UnreadableLogExceptionTest {

  @Test
  void bytesThatEndTooEarlyAreUnreadable() {
    assertThat(isUnreadable(new IllegalStateException("no event", new EOFException()))).isTrue();
  }

  @Test
  void aDatabaseThatGoesAwayIsNot() {
    Throwable away = new SQLException("An I/O error occurred", new EOFException());

    assertThat(isUnreadable(away)).isFalse();
    assertThat(isUnreadable(new IllegalStateException("no answer", away))).isFalse();
  }

  private static boolean isUnreadable(Throwable failure) {
    return UnreadableLogException.isCauseOf(failure);
  }
}
