/**
 * A white-box audit: canary users through the whole pipeline, with an engine that keeps them apart,
 * and a battery of tests on what the optimizer sees. See docs/audit.md.
 */
package io.murmuration.audit;
