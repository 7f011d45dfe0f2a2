/**
 * Scripted model servers, a fault proxy and a history checker, to test agents and sessions with.
 */
@NullMarked
package io.clawterm.testkit;

import org.jspecify.annotations.NullMarked;
