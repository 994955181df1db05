/** What people see while they wait. */
package io.murmuration.terminal;
