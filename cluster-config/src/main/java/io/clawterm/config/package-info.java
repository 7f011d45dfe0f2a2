/** HOCON profiles and the typed settings read from them, validated at start. */
@NullMarked
package io.clawterm.config;

import org.jspecify.annotations.NullMarked;
