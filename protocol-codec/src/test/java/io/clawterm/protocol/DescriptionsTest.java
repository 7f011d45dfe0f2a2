package io.clawterm.protocol;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Locale;
import java.util.Map;
import java.util.TreeMap;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;

/** The descriptions for other languages name the same constants as the code. */
class DescriptionsTest {

  @Test
  void theCHeaderHasTheSameConstants() throws IOException {
    var constants = new TreeMap<String, Integer>();
    var line = Pattern.compile("^  CLAWTERM_(\\w+) = (\\w+)", Pattern.MULTILINE);
    var matcher = line.matcher(Files.readString(Path.of("src/main/c/clawterm.h")));
    while (matcher.find()) {
      constants.put(matcher.group(1), Integer.decode(matcher.group(2)));
    }

    var expected = new TreeMap<String, Integer>();
    for (FrameType type : FrameType.values()) {
      expected.put(type.name(), type.code());
    }
    for (Tag tag : Tag.values()) {
      expected.put("TAG_" + tag, tag.code());
    }
    for (Mode mode : Mode.values()) {
      expected.put("MODE_" + mode, mode.value());
    }
    for (Code code : Code.values()) {
      expected.put("CODE_" + code, code.value());
    }
    expected.put("FLAG_MORE", Flags.MORE);
    expected.put("FLAG_EVENT", Flags.EVENT);
    expected.put("FLAG_REPLAY", Flags.REPLAY);
    expected.put("FLAG_ACK_NOW", Flags.ACK_NOW);
    expected.put("FLAG_ERROR", Flags.ERROR);
    assertThat(constants).isEqualTo(expected);
  }

  @Test
  void theKaitaiStructHasTheSameConstants() throws IOException {
    String text = Files.readString(Path.of("src/main/kaitai/clawterm.ksy"));
    String enums = text.substring(text.indexOf("\nenums:\n"));

    assertThat(kaitai(enums, "frame_type")).isEqualTo(types());
    assertThat(kaitai(enums, "tag")).isEqualTo(tags());
    assertThat(kaitai(enums, "mode")).isEqualTo(Map.of("TAKE_OVER", 0, "SHARE", 1, "WATCH", 2));
    assertThat(kaitai(enums, "code")).isEqualTo(codes());
  }

  @Test
  void theDissectorHasTheSameConstants() throws IOException {
    String text = Files.readString(Path.of("src/main/wireshark/clawterm.lua"));

    assertThat(lua(text, "local types = \\{(.*?)\\n}")).isEqualTo(types());
    assertThat(lua(text, "local codes = \\{(.*?)\\n}")).isEqualTo(codes());
    assertThat(lua(text, "local modes = \\{(.*?)}"))
        .isEqualTo(Map.of("TAKE_OVER", 0, "SHARE", 1, "WATCH", 2));
    var tags = new TreeMap<String, Integer>();
    var matcher = Pattern.compile("\\ntag\\((0x\\w+), \"(\\w+)\"").matcher(text);
    while (matcher.find()) {
      tags.put(matcher.group(2), Integer.decode(matcher.group(1)));
    }
    assertThat(tags).isEqualTo(tags());
  }

  private static Map<String, Integer> kaitai(String enums, String name) {
    var block = Pattern.compile("\\n  " + name + ":\\n((?:    \\w+: \\w+\\n)+)").matcher(enums);
    assertThat(block.find()).as(name).isTrue();
    var constants = new TreeMap<String, Integer>();
    block
        .group(1)
        .lines()
        .map(line -> line.strip().split(": ", 2))
        .forEach(pair -> constants.put(pair[1].toUpperCase(Locale.ROOT), Integer.decode(pair[0])));
    return constants;
  }

  private static Map<String, Integer> lua(String text, String block) {
    var found = Pattern.compile(block, Pattern.DOTALL).matcher(text);
    assertThat(found.find()).as(block).isTrue();
    var constants = new TreeMap<String, Integer>();
    var entry = Pattern.compile("\\[(\\w+)] = \"(\\w+)\"").matcher(found.group(1));
    while (entry.find()) {
      constants.put(entry.group(2), Integer.decode(entry.group(1)));
    }
    return constants;
  }

  private static Map<String, Integer> types() {
    var types = new TreeMap<String, Integer>();
    for (FrameType type : FrameType.values()) {
      types.put(type.name(), type.code());
    }
    return types;
  }

  private static Map<String, Integer> tags() {
    var tags = new TreeMap<String, Integer>();
    for (Tag tag : Tag.values()) {
      tags.put(tag.name(), tag.code());
    }
    return tags;
  }

  private static Map<String, Integer> codes() {
    var codes = new TreeMap<String, Integer>();
    for (Code code : Code.values()) {
      codes.put(code.name(), code.value());
    }
    return codes;
  }
}
