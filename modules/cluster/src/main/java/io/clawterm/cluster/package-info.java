/** How nodes find each other, tell a dead one, and agree on who may write. */
@NullMarked
package io.clawterm.cluster;

import org.jspecify.annotations.NullMarked;
