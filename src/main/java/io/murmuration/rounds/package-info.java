/**
 * What the rounds of a configured job do: where training begins, the trainer of a model directory,
 * and what is published of a calibration. It puts the model, training and releases to work as the
 * configuration says; of Flink it knows the names of options alone.
 */
package io.murmuration.rounds;
