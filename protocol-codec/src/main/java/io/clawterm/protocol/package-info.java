/** Frames, checksum, fields and an incremental decoder of the ClawTerm wire protocol. */
@NullMarked
package io.clawterm.protocol;

import org.jspecify.annotations.NullMarked;
