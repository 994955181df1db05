/** Files by path or by URI, on whatever file system Flink knows. */
package io.murmuration.storage;
