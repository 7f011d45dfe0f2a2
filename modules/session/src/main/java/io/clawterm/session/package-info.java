/** The session: a sharded, event-sourced two-way log with a cursor for each device. */
@NullMarked
package io.clawterm.session;

import org.jspecify.annotations.NullMarked;
