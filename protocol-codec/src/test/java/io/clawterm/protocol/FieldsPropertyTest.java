package io.clawterm.protocol;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import org.junit.jupiter.api.Test;

class FieldsPropertyTest {

  @Test
  void whatIsBuiltIsRead() {
    Seeded.times(
        2000,
        random -> {
          Fields fields = Arbitrary.fields(random);

          byte[] bytes = fields.toBytes();

          assertThat(bytes).hasSize(fields.length());
          assertThat(Fields.parse(bytes)).isEqualTo(fields);
          assertThat(Fields.parse(bytes).toBytes()).isEqualTo(bytes);
        });
  }

  @Test
  void anyBytesGiveFieldsOrARefusal() {
    Seeded.times(
        20_000,
        random -> {
          byte[] bytes = Arbitrary.bytes(random, random.nextInt(60));
          for (int at = 0; at + 3 <= bytes.length && random.nextInt(8) > 0; ) {
            // A header that can be right, so that the values are reached.
            Tag tag = Arbitrary.one(random, Tag.values());
            int length = Math.min(tag.size(), random.nextInt(12));
            bytes[at] = (byte) tag.code();
            bytes[at + 1] = 0;
            bytes[at + 2] = (byte) length;
            at += 3 + length;
          }
          try {
            Fields fields = Fields.parse(bytes);
            assertThat(Fields.parse(fields.toBytes())).isEqualTo(fields);
          } catch (MalformedFrameException e) {
            assertThat(e.code()).isEqualTo(Code.PROTOCOL_ERROR);
          }
        });
  }

  @Test
  void aCutInsideAFieldIsRefused() {
    Seeded.times(
        200,
        random -> {
          Fields.Builder builder = Fields.builder();
          Arbitrary.set(builder, Arbitrary.one(random, Tag.values()), random);
          byte[] bytes = builder.build().toBytes();
          for (int length = 1; length < bytes.length; length++) {
            int cut = length;
            assertThatThrownBy(() -> Fields.parse(bytes, 0, cut))
                .isInstanceOf(MalformedFrameException.class);
          }
        });
  }
}
