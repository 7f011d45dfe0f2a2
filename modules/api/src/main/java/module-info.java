/** What host applications and extensions compile against. */
module io.clawterm.api {
  requires transitive java.sql;
  requires static transitive org.jspecify;

  exports io.clawterm.api;

  uses io.clawterm.api.ClawTerm.Factory;
}
