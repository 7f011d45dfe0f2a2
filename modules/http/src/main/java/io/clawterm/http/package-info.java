/** The HTTP API: sessions, status, health and metrics. */
@NullMarked
package io.clawterm.http;

import org.jspecify.annotations.NullMarked;
