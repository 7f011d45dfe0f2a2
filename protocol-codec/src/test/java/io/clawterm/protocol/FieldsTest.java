package io.clawterm.protocol;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import java.util.HexFormat;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

class FieldsTest {

  @Test
  void fieldsTellWhatTheyWereMadeOf() {
    Fields fields =
        Fields.builder()
            .version(1)
            .target("agent:main")
            .credential("secret-token")
            .device("laptop")
            .resumeToken(new byte[32])
            .lastSeq(14)
            .firstSeq(15)
            .headSeq(-1)
            .keepaliveMs(4_294_967_295L)
            .mode(Mode.WATCH)
            .window(65_536)
            .code(Code.MOVED)
            .text("gone")
            .retryAfterMs(250)
            .terminalSize(80, 24)
            .sessionKey("agent:main:main")
            .address("node-2:7220")
            .nonce(new byte[16])
            .expirySeconds(60)
            .events(true)
            .build();

    Fields read = Fields.parse(fields.toBytes());

    assertThat(read).isEqualTo(fields).hasSameHashCodeAs(fields);
    assertThat(read.version()).hasValue(1);
    assertThat(read.target()).contains("agent:main");
    assertThat(read.credential()).contains("secret-token");
    assertThat(read.device()).contains("laptop");
    assertThat(read.resumeToken().orElseThrow()).isEqualTo(new byte[32]);
    assertThat(read.lastSeq()).hasValue(14);
    assertThat(read.firstSeq()).hasValue(15);
    assertThat(read.headSeq()).hasValue(-1);
    assertThat(read.keepaliveMs()).hasValue(4_294_967_295L);
    assertThat(read.mode()).contains(Mode.WATCH);
    assertThat(read.window()).hasValue(65_536);
    assertThat(read.code()).contains(Code.MOVED);
    assertThat(read.codeValue()).hasValue(4);
    assertThat(read.text()).contains("gone");
    assertThat(read.retryAfterMs()).hasValue(250);
    assertThat(read.terminalSize()).contains(new TerminalSize(80, 24));
    assertThat(read.sessionKey()).contains("agent:main:main");
    assertThat(read.address()).contains("node-2:7220");
    assertThat(read.nonce().orElseThrow()).isEqualTo(new byte[16]);
    assertThat(read.expirySeconds()).hasValue(60);
    assertThat(read.events()).isTrue();
  }

  @Test
  void anAbsentFieldIsEmpty() {
    Fields none = Fields.parse(new byte[0]);

    assertThat(none).isEqualTo(Fields.none());
    assertThat(none.version()).isEmpty();
    assertThat(none.target()).isEmpty();
    assertThat(none.resumeToken()).isEmpty();
    assertThat(none.lastSeq()).isEmpty();
    assertThat(none.mode()).isEmpty();
    assertThat(none.code()).isEmpty();
    assertThat(none.terminalSize()).isEmpty();
    assertThat(none.events()).isFalse();
    assertThat(none.toBytes()).isEmpty();
  }

  @Test
  void aCodeOfALaterVersionIsANumber() {
    Fields fields = Fields.parse(HexFormat.of().parseHex("0c000203e7"));

    assertThat(fields.code()).isEmpty();
    assertThat(fields.codeValue()).hasValue(999);
  }

  @Test
  void aReasonIsACodeAndAText() {
    Fields reason = Fields.reason(Code.OVERLOADED, "too busy");

    assertThat(reason.code()).contains(Code.OVERLOADED);
    assertThat(reason.text()).contains("too busy");
  }

  @Test
  void settingAFieldAgainReplacesItAndLeavesWhatWasBuilt() {
    Fields.Builder builder = Fields.builder().version(1);
    Fields first = builder.build();

    Fields second = builder.version(2).build();
    Fields third = second.toBuilder().version(3).build();

    assertThat(first.version()).hasValue(1);
    assertThat(second.version()).hasValue(2);
    assertThat(third.version()).hasValue(3);
  }

  @Test
  void fieldsDoNotChangeWithTheArraysThatWentInOrCameOut() {
    byte[] token = new byte[32];
    Fields fields = Fields.builder().resumeToken(token).build();

    token[0] = 1;
    fields.resumeToken().orElseThrow()[0] = 1;
    fields.toBytes()[3] = 1;

    assertThat(fields.resumeToken().orElseThrow()).containsOnly(0);
  }

  @Test
  void theStringOfFieldsHidesTheirValues() {
    Fields fields = Fields.builder().credential("secret-token").version(1).build();

    assertThat(fields).hasToString("Fields[VERSION, CREDENTIAL]");
  }

  @Test
  void valuesThatTheProtocolDoesNotAllowAreNotBuilt() {
    Fields.Builder builder = Fields.builder();

    assertThatIllegalArgumentException().isThrownBy(() -> builder.version(256));
    assertThatIllegalArgumentException().isThrownBy(() -> builder.version(-1));
    assertThatIllegalArgumentException().isThrownBy(() -> builder.keepaliveMs(1L << 32));
    assertThatIllegalArgumentException().isThrownBy(() -> builder.keepaliveMs(-1));
    assertThatIllegalArgumentException().isThrownBy(() -> builder.window(-1));
    assertThatIllegalArgumentException().isThrownBy(() -> builder.resumeToken(new byte[31]));
    assertThatIllegalArgumentException().isThrownBy(() -> builder.nonce(new byte[17]));
    assertThatIllegalArgumentException().isThrownBy(() -> builder.terminalSize(65_536, 1));
    assertThatIllegalArgumentException().isThrownBy(() -> builder.terminalSize(1, -1));
    assertThatIllegalArgumentException().isThrownBy(() -> builder.text("half \uD83C of a pair"));
    assertThatIllegalArgumentException().isThrownBy(() -> builder.text("x".repeat(65_536)));
    assertThat(builder.build()).isEqualTo(Fields.none());
  }

  @Test
  void aDeviceHasAtMost64BytesInUtf8() {
    assertThat(Fields.builder().device("ü".repeat(32)).build().device()).contains("ü".repeat(32));
    assertThatIllegalArgumentException()
        .isThrownBy(() -> Fields.builder().device("ü".repeat(32) + "x"));
  }

  @Test
  void fieldsThatFillAFrameFitAndOneByteMoreDoesNot() {
    int most = Frame.MAX_PAYLOAD - 3;
    Fields full = Fields.builder().text("x".repeat(most)).build();

    assertThat(Frame.of(1, 1, FrameType.DISCONNECT, 0, full).payloadLength())
        .isEqualTo(Frame.MAX_PAYLOAD);
    assertThatIllegalArgumentException()
        .isThrownBy(() -> Fields.builder().text("x".repeat(most + 1)).build());
  }

  @ParameterizedTest
  @EnumSource
  void aTagIsFoundByItsCode(Tag tag) {
    assertThat(Tag.of(tag.code())).isSameAs(tag);
  }
}
