/** Where a message, an event or a call belongs in a trace; spans by OpenTelemetry's API. */
@NullMarked
package io.clawterm.telemetry;

import org.jspecify.annotations.NullMarked;
