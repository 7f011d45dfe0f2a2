package io.clawterm.load;

import static org.assertj.core.api.Assertions.assertThat;

import io.clawterm.testkit.Violation;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.junit.jupiter.api.Test;

class CountedAnswersTest {

  private static final Scenario TO_THREE = Scenario.demo(1, 3, 10);
  private static final String ASKED = message("a");
  private static final String STARTED = "2 {'type':'status','run':'started','answers':1}";
  private static final String DONE = "2 {'type':'status','run':'ended','outcome':'done'}";
  private static final String LABEL = text("[demo: a script counts, no model is asked]\\n");

  @Test
  void aWholeAnswerIsRight() {
    CountedAnswers answers = read(ASKED, STARTED, LABEL, text("1 2 "), text("3\\n"), DONE);

    assertThat(answers.violations()).isEmpty();
    assertThat(answers.inputs()).containsExactly("a");
    assertThat(answers.runs()).isEqualTo(1);
  }

  @Test
  void aModelSaysNothingButTheNumbers() {
    assertThat(answersOfModel(text("1 2"), text(" 3")).violations()).isEmpty();
    assertThat(answersOfModel(text("1 2"), text(" 2 3")).violations()).hasSize(1);
  }

  @Test
  void whatIsRetractedDoesNotCount() {
    String retract = "2 {'type':'retract','from':3,'to':4}";

    assertThat(
            violations(ASKED, STARTED, LABEL, text("1 2 "), retract, LABEL, text("1 2 3\\n"), DONE))
        .isEmpty();
    assertThat(violations(ASKED, STARTED, LABEL, text("1 2 "), LABEL, text("1 2 3\\n"), DONE))
        .hasSize(1);
  }

  @Test
  void aLostOrDoubledNumberIsSeen() {
    assertThat(violations(ASKED, STARTED, LABEL, text("1 "), text("3\\n"), DONE)).hasSize(1);
    assertThat(violations(ASKED, STARTED, LABEL, text("1 2 2 "), text("3\\n"), DONE)).hasSize(1);
  }

  @Test
  void aRunMayGiveUpAloudButNotInSilence() {
    String gaveUp =
        "2 {'type':'status','run':'ended','outcome':'failed','error':'was cut off 5 times'}";
    String failed = "2 {'type':'status','run':'ended','outcome':'failed','error':'internal'}";

    assertThat(violations(ASKED, STARTED, LABEL, text("1 "), gaveUp)).isEmpty();
    assertThat(violations(ASKED, STARTED, LABEL, text("1 "), failed)).hasSize(1);
    assertThat(violations(ASKED, STARTED, LABEL, text("1 "))).hasSize(1);
  }

  @Test
  void aRunWhoseProviderFailsIsCounted() {
    String gaveUp =
        "2 {'type':'status','run':'ended','outcome':'failed',"
            + "'error':'OpenAI sent an answer that is not in its format'}";

    CountedAnswers answers = read(Scenario.model(1, 3), ASKED, STARTED, text("1 2"), gaveUp);

    assertThat(answers.violations()).isEmpty();
    assertThat(answers.givenUp()).isEqualTo(1);
    assertThat(violations(ASKED, STARTED, LABEL, text("1 "), gaveUp)).hasSize(1);
  }

  @Test
  void eachMessageIsAnsweredOnce() {
    assertThat(violations(ASKED, message("b"), STARTED, LABEL, text("1 2 3\\n"), DONE)).hasSize(1);
    assertThat(
            violations(
                ASKED,
                STARTED,
                LABEL,
                text("1 2 3\\n"),
                DONE,
                STARTED,
                LABEL,
                text("1 2 3\\n"),
                DONE))
        .hasSize(1);
  }

  private static List<Violation> violations(String... contents) {
    return read(contents).violations();
  }

  private static CountedAnswers answersOfModel(String one, String two) {
    return read(Scenario.model(1, 3), ASKED, STARTED, one, two, DONE);
  }

  private static CountedAnswers read(String... contents) {
    return read(TO_THREE, contents);
  }

  private static CountedAnswers read(Scenario scenario, String... contents) {
    Map<Long, String> log = new TreeMap<>();
    for (String content : contents) {
      log.put(log.size() + 1L, content.replace('\'', '"'));
    }
    return CountedAnswers.in(scenario, log);
  }

  private static String message(String text) {
    return "2 {'type':'message','role':'user','device':'d','text':'" + text + "'}";
  }

  private static String text(String text) {
    return "2 {'type':'text','text':'" + text + "'}";
  }
}
