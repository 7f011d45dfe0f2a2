package io.clawterm.example;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class EmbeddedExampleTest {

  @TempDir Path data;

  @Test
  void itPrintsTheAnswerOfTheAgent() throws Exception {
    var out = new StringWriter();

    EmbeddedExample.run(data, new PrintWriter(out));

    assertThat(out.toString()).isEqualTo("That has 17 characters.\n");
  }
}
