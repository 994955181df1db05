package io.murmuration.privacy.mechanism;

/**
 * How far the topic of events had been written before a round was charged; sent before its grant
 * where users have a lifetime. Nobody takes part in the round through a record from there on, so
 * that whoever takes the domain over knows from the topic's ends alone which records can have been
 * in no round before.
 *
 * @param epoch the epoch that charged the round
 * @param round the round
 * @param input the topic as it was before the charge
 */
public record IntakeLimit(long epoch, long round, InputOffsets input) implements BudgetSignal {}
