package io.clawterm.storage;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.clawterm.config.Secret;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class JdbcTargetTest {

  @ParameterizedTest
  @CsvSource({
    "postgresql://ann:s3cret@db.local:5433/claw, jdbc:postgresql://db.local:5433/claw",
    "postgres://ann:s3cret@db.local/claw, jdbc:postgresql://db.local/claw",
    "jdbc:postgresql://ann:s3cret@db.local/claw, jdbc:postgresql://db.local/claw",
    "jdbc:postgresql://db.local/claw?user=ann&password=s3cret, jdbc:postgresql://db.local/claw",
    "jdbc:postgresql:claw?user=ann&password=s3cret, jdbc:postgresql:claw",
    "'postgresql://ann:s3cret@a:1,b:2/claw?sslmode=require&targetServerType=primary',"
        + " 'jdbc:postgresql://a:1,b:2/claw?sslmode=require&targetServerType=primary'",
    "postgresql://ann:s3cret@[::1]:5432/claw, jdbc:postgresql://[::1]:5432/claw"
  })
  void userAndPasswordAreTakenOutOfTheUrl(String given, String url) {
    assertThat(JdbcTarget.parse(given)).isEqualTo(new JdbcTarget(url, "ann", new Secret("s3cret")));
  }

  @Test
  void percentSignsAreDecodedAndAPlusIsAPlus() {
    JdbcTarget target = JdbcTarget.parse("postgresql://a%40b:p%3A%2F+@h/d");

    assertThat(target)
        .isEqualTo(new JdbcTarget("jdbc:postgresql://h/d", "a@b", new Secret("p:/+")));
  }

  @Test
  void withoutAUserItIsTheOneOfThisProcess() {
    assertThat(JdbcTarget.parse("postgresql://h/d"))
        .isEqualTo(
            new JdbcTarget(
                "jdbc:postgresql://h/d", System.getProperty("user.name"), new Secret("")));
  }

  @Test
  void theTextFormShowsNoPassword() {
    assertThat(JdbcTarget.parse("postgresql://ann:s3cret@h/d?sslpassword=s3cret").toString())
        .contains("ann")
        .doesNotContain("s3cret");
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "mysql://ann:s3cret@h/d",
        "h/d?password=s3cret",
        "postgresql:d?password=s3cret",
        "postgresql://ann:s3cret%zz@h/d"
      })
  void whatIsNoUrlOfPostgresIsRefusedWithoutShowingIt(String given) {
    assertThatThrownBy(() -> JdbcTarget.parse(given))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageNotContaining("s3cret")
        .hasNoCause();
  }
}
