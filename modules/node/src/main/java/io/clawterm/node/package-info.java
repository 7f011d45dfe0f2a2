/** Assembly, command line and the embedded entry point. */
@NullMarked
package io.clawterm.node;

import org.jspecify.annotations.NullMarked;
