package io.clawterm.session;

/** An entry with its number in the log. */
public record LogEntry(long number, Entry entry) {}
