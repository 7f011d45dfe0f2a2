package io.clawterm.agent;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;

/** Input is forgotten in order, and only when all in it is done. */
class InputLedgerTest {

  private final InputLedger ledger = new InputLedger();

  @Test
  void nothingIsConsumedBeforeAnythingCame() {
    assertThat(ledger.consumed()).isEmpty();
    assertThat(ledger.firstOpen()).isZero();
  }

  @Test
  void aFrameWithoutMessagesIsConsumedAtOnce() {
    ledger.add(1, 5, 0);

    assertThat(ledger.consumed()).hasValue(1);
    assertThat(ledger.consumed()).isEmpty();
  }

  @Test
  void aFrameIsConsumedWithItsLastMessage() {
    ledger.add(1, 5, 2);
    ledger.done(1);
    assertThat(ledger.consumed()).isEmpty();

    ledger.done(1);

    assertThat(ledger.consumed()).hasValue(1);
  }

  @Test
  void aFrameThatIsDoneWaitsForTheOnesBefore() {
    ledger.add(1, 5, 1);
    ledger.add(2, 5, 1);
    ledger.add(3, 5, 1);
    ledger.done(2);
    assertThat(ledger.consumed()).isEmpty();
    assertThat(ledger.firstOpen()).isEqualTo(1);

    ledger.done(1);

    assertThat(ledger.consumed()).hasValue(2);
    assertThat(ledger.firstOpen()).isEqualTo(3);
  }

  @Test
  void heldIsWhatStandsBehindTheFirstOpenFrame() {
    ledger.add(1, 100, 0);
    ledger.add(2, 10, 1);
    ledger.add(3, 1, 0);

    assertThat(ledger.heldBytes()).isEqualTo(11 + 2 * 64);
  }
}
