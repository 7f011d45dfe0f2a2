package io.clawterm.session;

/** What the journal or a snapshot keeps; bound to CBOR. Fields are only ever added. */
interface Stored {}
