/** What host applications and extensions compile against. */
@NullMarked
package io.clawterm.api;

import org.jspecify.annotations.NullMarked;
