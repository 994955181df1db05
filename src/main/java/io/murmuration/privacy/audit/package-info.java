/**
 * Tries to break a claim of differential privacy, from the outcomes of one run with many canary
 * users, each of whom took part by the toss of a fair coin.
 *
 * <p>Pure functions of scores and counts, for people who distrust the rest of the project: nothing
 * here knows how the scores came about. The only other package it uses is the accountant, for the
 * claim itself.
 */
package io.murmuration.privacy.audit;
