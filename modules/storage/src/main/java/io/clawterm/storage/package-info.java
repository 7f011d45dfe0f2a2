/** PostgreSQL, embedded or given, and its migrations. */
@NullMarked
package io.clawterm.storage;

import org.jspecify.annotations.NullMarked;
