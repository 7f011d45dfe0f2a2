package io.clawterm.cluster;

import static org.assertj.core.api.Assertions.assertThat;

import com.typesafe.config.ConfigFactory;
import java.util.List;
import org.junit.jupiter.api.Test;

/** What an operator is told of pods that have begun no cluster. */
class PodSearchTest {

  private static final ClusterSettings SETTINGS =
      ClusterSettings.from(ConfigFactory.load().getConfig("clawterm.cluster"));

  @Test
  void tooFewPodsAreNamedWithTheLabelsThatWereAskedFor() {
    assertThat(PodSearch.problem(List.of("10.0.0.7"), SETTINGS))
        .contains("1 running pods", "app.kubernetes.io/name=clawterm: 10.0.0.7")
        .contains("begins with 2 (clawterm.cluster.required-contact-points)");
    assertThat(PodSearch.problem(List.of(), SETTINGS)).contains("0 running pods");
  }

  @Test
  void whereThereAreEnoughPodsTheNetworkBetweenThemIsInQuestion() {
    assertThat(PodSearch.problem(List.of("10.0.0.7", "10.0.0.8"), SETTINGS))
        .contains("10.0.0.7, 10.0.0.8", "management port")
        .doesNotContain("required-contact-points");
  }
}
