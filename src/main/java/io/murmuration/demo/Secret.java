package io.murmuration.demo;

/**
 * A sentence that gives away something that only one person knows.
 *
 * @param kind what is given away, for example {@code door-code}; all secrets of a kind are alike
 *     but for what was drawn at random
 * @param text the whole message
 */
public record Secret(String kind, String text) {}
