package io.clawterm.load;

import java.util.Locale;
import java.util.Map;
import java.util.TreeMap;
import org.openjdk.jmh.results.RunResult;
import org.openjdk.jmh.runner.Runner;
import org.openjdk.jmh.runner.RunnerException;
import org.openjdk.jmh.runner.options.OptionsBuilder;
import org.openjdk.jmh.runner.options.VerboseMode;

/** Runs {@link CodecBenchmark} and sets the codec beside its lower bounds. */
final class BenchCodec {

  private static final double TARGET = 5e6;

  private BenchCodec() {}

  public static void main(String[] args) throws RunnerException {
    var options =
        new OptionsBuilder()
            .include(CodecBenchmark.class.getName())
            .verbosity(VerboseMode.SILENT)
            .build();
    Map<String, Double> perSecond = new TreeMap<>();
    for (RunResult result : new Runner(options).run()) {
      String name = result.getPrimaryResult().getLabel();
      perSecond.put(name, result.getPrimaryResult().getScore());
    }
    double copy = perSecond.getOrDefault("copy", Double.NaN);
    double checksum = perSecond.getOrDefault("checksum", Double.NaN);
    BenchReport.title("codec: frames with 100 bytes of payload, one core");
    perSecond.forEach((name, rate) ->
        BenchReport.line(
            String.format(
                Locale.ROOT,
                "%-9s %6.1f million/s %6.1f ns  %5.1f x copy  %5.2f x checksum",
                name,
                rate / 1e6,
                1e9 / rate,
                copy / rate,
                checksum / rate)));
    for (String way : new String[] {"encode", "decode"}) {
      double rate = perSecond.getOrDefault(way, 0.0);
      BenchReport.target("codec " + way, rate / TARGET, ">=", 1, "times 5 million frames/s");
    }
  }
}
