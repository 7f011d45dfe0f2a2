/** Benchmarks and long fault runs. */
@NullMarked
package io.clawterm.load;

import org.jspecify.annotations.NullMarked;
