package io.murmuration.serving;

/**
 * What a model said.
 *
 * @param text what follows the prompt
 * @param release whose words they are
 */
public record Answer(String text, ServedRelease release) {}
