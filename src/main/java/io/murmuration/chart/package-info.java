/**
 * Line charts as SVG: inside a page, whose style sheet colours them, or in a file of their own.
 * What is drawn where is computed here; the markup is in {@code src/main/jte}.
 */
package io.murmuration.chart;
