package io.clawterm.model;

/** How an answer goes on that was cut off in the middle. */
public enum Continuation {
  /** By a request whose conversation ends with the text so far: the answer goes on from there. */
  PREFIX,
  /** Not at all: the request is made again, and its answer replaces the text so far. */
  RESTART
}
