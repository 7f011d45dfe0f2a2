/**
 * A client that resumes by itself, and the terminal on top of it. Published: the public types of
 * this package are a promise to applications.
 */
@NullMarked
package io.clawterm.client;

import org.jspecify.annotations.NullMarked;
