package io.clawterm.session;

/** A message that may cross nodes; bound to CBOR. */
public interface RemoteMessage {}
