/** The report of a domain: what was spent, released and learned, as one HTML page. */
package io.murmuration.report;
