/** A host application with a ClawTerm node inside. */
@NullMarked
package io.clawterm.example;

import org.jspecify.annotations.NullMarked;
