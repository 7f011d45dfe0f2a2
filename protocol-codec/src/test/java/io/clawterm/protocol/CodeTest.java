package io.clawterm.protocol;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.Arrays;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

class CodeTest {

  @Test
  void aClientComesBackByItselfOnlyWhereThatCanHelp() {
    assertThat(Arrays.stream(Code.values()).filter(Code::retryable))
        .containsExactly(
            Code.MOVED, Code.SHUTTING_DOWN, Code.BAD_CHECKSUM, Code.SEQUENCE_GAP, Code.OVERLOADED);
  }

  @ParameterizedTest
  @EnumSource
  void aCodeIsFoundByItsValue(Code code) {
    assertThat(Code.of(code.value())).isSameAs(code);
  }

  @ParameterizedTest
  @ValueSource(ints = {-1, 6, 15, 27, 65_535})
  void aValueOfNoCodeGivesNone(int value) {
    assertThat(Code.of(value)).isNull();
  }

  @ParameterizedTest
  @EnumSource
  void aTypeIsFoundByItsCode(FrameType type) {
    assertThat(FrameType.of(type.code())).isSameAs(type);
  }

  @ParameterizedTest
  @ValueSource(ints = {-1, 0, 5, 0x11, 0x41, 0xFF})
  void aCodeOfNoTypeGivesNone(int code) {
    assertThat(FrameType.of(code)).isNull();
  }
}
