/**
 * Hugging Face model directories: configuration, weights, tokenizer; one decoder for all families;
 * LoRA adapters.
 *
 * <p>Arrays made from Java data are copied into torch memory before they enter a computation, and
 * no array under autograd is multiplied, divided or raised by a Java number: both would leave
 * autograd with a pointer into a Java buffer that may already be freed.
 */
package io.murmuration.model;
