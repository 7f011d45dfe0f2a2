package io.clawterm.http;

/** Whether something is as it should be, and why; on the wire. */
record CheckJson(boolean ok, String reason) {}
