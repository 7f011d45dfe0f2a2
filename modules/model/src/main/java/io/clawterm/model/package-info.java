/** Streams of model providers: OpenAI-compatible, Anthropic, Ollama. */
@NullMarked
package io.clawterm.model;

import org.jspecify.annotations.NullMarked;
