/** Models of Flink's SQL: {@code ML_PREDICT} with the newest verified release. */
package io.murmuration.sql;
