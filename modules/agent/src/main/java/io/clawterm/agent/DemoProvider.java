package io.clawterm.agent;

import akka.NotUsed;
import akka.stream.javadsl.Source;
import io.clawterm.model.Continuation;
import io.clawterm.model.ModelChunk;
import io.clawterm.model.ModelProvider;
import io.clawterm.model.ModelRequest;
import io.clawterm.model.Role;
import io.clawterm.model.StopReason;
import io.clawterm.model.Turn;
import io.clawterm.model.Usage;
import java.time.Duration;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.LongStream;

/**
 * A scripted stream of counted text, so that anyone can watch a session survive a kill without a
 * key. It goes on from the text so far, as a model does that accepts a prefix.
 */
public final class DemoProvider implements ModelProvider {

  static final String LABEL = "[demo: a script counts, no model is asked]\n";

  private static final Pattern COUNT = pattern("(?:count(?: to)?|to)\\D{0,10}(\\d{1,18})");
  private static final Pattern SPAN =
      pattern("for\\s+(\\d{1,6})\\s*(s|sec|second|m|min|minute|h|hour)s?\\b");
  private static final Pattern RATE = pattern("(\\d{1,18})\\s*(?:/\\s*s|per second|a second)");
  private static final Pattern LAST = pattern("(\\d{1,18})\\D*$");

  private static final long DEFAULT_COUNT = 100;
  private static final long DEFAULT_RATE = 10;
  private static final long MAX_RATE = 10_000;
  private static final int LINE = 20;

  @Override
  public String name() {
    return "demo";
  }

  @Override
  public Continuation continuation() {
    return Continuation.PREFIX;
  }

  @Override
  public Source<ModelChunk, NotUsed> stream(ModelRequest request) {
    String said = "";
    String asked = "";
    for (Turn turn : request.turns()) {
      if (turn.role() == Role.USER) {
        asked = turn.text();
        said = "";
      } else {
        said = turn.text();
      }
    }
    long rate = Math.clamp(number(RATE, asked, DEFAULT_RATE), 1, MAX_RATE);
    long last = count(asked, rate);
    long from = said.isEmpty() ? 1 : number(LAST, said, 0) + 1;
    Source<ModelChunk, NotUsed> label =
        said.isEmpty() ? Source.single(new ModelChunk.TextDelta(LABEL)) : Source.empty();
    Source<ModelChunk, NotUsed> numbers =
        Source.fromJavaStream(() -> LongStream.rangeClosed(from, last).boxed())
            .throttle((int) rate, Duration.ofSeconds(1))
            .map(n -> new ModelChunk.TextDelta(n + (n % LINE == 0 || n == last ? "\n" : " ")));
    return label
        .concat(numbers)
        .concat(Source.single(new ModelChunk.Finished(StopReason.END, new Usage(0, 0))));
  }

  private static Pattern pattern(String regex) {
    return Pattern.compile(regex, Pattern.CASE_INSENSITIVE);
  }

  private static long count(String asked, long rate) {
    Matcher span = SPAN.matcher(asked);
    if (span.find()) {
      long unit =
          switch (span.group(2).charAt(0)) {
            case 'h' -> 3_600;
            case 'm' -> 60;
            default -> 1;
          };
      return Math.max(1, Long.parseLong(span.group(1)) * unit * rate);
    }
    return Math.max(1, number(COUNT, asked, DEFAULT_COUNT));
  }

  private static long number(Pattern pattern, String text, long otherwise) {
    Matcher matcher = pattern.matcher(text);
    return matcher.find() ? Long.parseLong(matcher.group(1)) : otherwise;
  }
}
