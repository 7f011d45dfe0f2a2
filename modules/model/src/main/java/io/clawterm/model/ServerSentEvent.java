package io.clawterm.model;

/**
 * One event of an event stream.
 *
 * @param type {@code message} where the stream names none
 * @param data the lines of data, joined by line feeds; may be empty
 */
record ServerSentEvent(String type, String data) {}
