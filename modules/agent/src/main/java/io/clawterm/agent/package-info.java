/** What answers behind agent targets: a run is one turn of a model. */
@NullMarked
package io.clawterm.agent;

import org.jspecify.annotations.NullMarked;
