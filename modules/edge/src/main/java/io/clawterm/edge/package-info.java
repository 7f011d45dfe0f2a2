/** Ways in for devices (TCP, TLS, Unix sockets, WebSocket) and out to pods and pseudo-terminals. */
@NullMarked
package io.clawterm.edge;

import org.jspecify.annotations.NullMarked;
