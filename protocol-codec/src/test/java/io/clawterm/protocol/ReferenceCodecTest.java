package io.clawterm.protocol;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Function;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The reference codec in C against the vectors. */
class ReferenceCodecTest {
  @TempDir static Path folder;

  @BeforeAll
  static void compile() {
    Processes.need("gcc");
    Path sources = Path.of("src").toAbsolutePath();
    var result =
        Processes.run(
            folder,
            "",
            List.of(
                "gcc",
                "-std=c99",
                "-Wall",
                "-Wextra",
                "-Wconversion",
                "-Wpedantic",
                "-Werror",
                "-O1",
                "-I" + sources.resolve("main/c"),
                sources.resolve("main/c/clawterm.c").toString(),
                sources.resolve("test/c/vectors.c").toString(),
                "-o",
                "vectors"));
    assertThat(result.errors()).isEmpty();
    assertThat(result.exit()).isZero();
  }

  @Test
  void checksumsAreTheGivenOnes() {
    assertAnswers(
        Vectors.list("crc"),
        vector -> "crc " + vector.get("hex").asText(),
        vector -> vector.get("crc").asText());
  }

  @Test
  void numbersAreExtendedToTheGivenOnes() {
    assertAnswers(
        Vectors.list("sequence"),
        vector -> "extend " + vector.get("near").asText() + " " + vector.get("wire").asText(),
        vector -> vector.get("number").asText());
  }

  @Test
  void framesAreReadAsTheirMeaningAndWrittenAgain() {
    assertAnswers(
        Vectors.list("frames"),
        vector -> "decode 65535 " + vector.get("hex").asText(),
        vector -> {
          int flags = 0;
          for (JsonNode name : vector.get("flags")) {
            flags |= Vectors.of("flags").get(name.asText()).asInt();
          }
          FrameType type = FrameType.valueOf(vector.get("type").asText());
          Frame again =
              Frame.of(
                  (int) vector.get("sessionId").asLong(),
                  (int) vector.get("seq").asLong(),
                  type,
                  flags,
                  Vectors.bytes(vector, "payload"));
          return "%s %s %d %d %s %s"
              .formatted(
                  vector.get("sessionId").asText(),
                  vector.get("seq").asText(),
                  type.code(),
                  flags,
                  vector.get("payload").asText(),
                  Vectors.hex(again.toBytes()));
        });
  }

  @Test
  void malformedFramesAreRefusedWithTheirCode() {
    assertAnswers(
        Vectors.list("malformedFrames"),
        vector -> "decode " + vector.get("maxPayload").asText() + " " + vector.get("hex").asText(),
        ReferenceCodecTest::refusal);
  }

  @Test
  void fieldsAreReadAndWrittenAgain() {
    assertAnswers(
        Vectors.list("fields"),
        vector -> "fields " + vector.get("hex").asText(),
        vector -> {
          String hex = vector.get("hex").asText();
          int tag = Tag.valueOf(vector.get("tag").asText()).code();
          return tag + "=" + hex.substring(6) + " " + hex;
        });
  }

  @Test
  void malformedFieldsAreRefusedWithTheirCode() {
    assertAnswers(
        Vectors.list("malformedFields"),
        vector -> "fields " + vector.get("hex").asText(),
        ReferenceCodecTest::refusal);
  }

  @Test
  void bothCodecsAgreeAboutAnyFields() {
    Seeded.times(
        20,
        random -> {
          List<String> questions = new ArrayList<>();
          List<String> answers = new ArrayList<>();
          for (int index = 0; index < 200; index++) {
            byte[] payload = Arbitrary.fields(random).toBytes();
            if (payload.length > 0 && random.nextBoolean()) {
              payload[random.nextInt(payload.length)] ^= (byte) (1 << random.nextInt(8));
            }
            questions.add("fields " + Vectors.hex(payload));
            answers.add(isRefused(payload) ? "refused" : "read");
          }
          assertThat(ask(questions).lines())
              .map(answer -> answer.startsWith("refused 16") ? "refused" : "read")
              .isEqualTo(answers);
        });
  }

  private static boolean isRefused(byte[] payload) {
    try {
      Fields.parse(payload);
      return false;
    } catch (MalformedFrameException e) {
      return true;
    }
  }

  private static String refusal(JsonNode vector) {
    return "refused " + Code.valueOf(vector.get("code").asText()).value();
  }

  private static void assertAnswers(
      List<JsonNode> vectors,
      Function<JsonNode, String> question,
      Function<JsonNode, String> answer) {
    assertThat(vectors).isNotEmpty();
    assertThat(ask(vectors.stream().map(question).toList()).lines())
        .containsExactlyElementsOf(vectors.stream().map(answer).toList());
  }

  private static String ask(List<String> questions) {
    String program = folder.resolve("vectors").toString();
    var result = Processes.run(folder, String.join("\n", questions) + "\n", List.of(program));
    assertThat(result.errors()).isEmpty();
    assertThat(result.exit()).isZero();
    return result.output();
  }
}
