package io.murmuration.simulation;

import io.murmuration.privacy.budget.BudgetTerms;
import io.murmuration.privacy.ledger.LedgerPosition;
import java.util.Optional;

/**
 * What a completed checkpoint holds, and from which any later attempt may start.
 *
 * @param id ascending within its job's attempt
 * @param jobId the job that it was taken of
 * @param terms what that job was submitted with
 * @param workersEpoch the last that any of its workers had seen
 */
record Checkpoint(
    long id,
    String jobId,
    BudgetTerms terms,
    Optional<LedgerPosition> position,
    SimulatedSampler.State sampler,
    long workersEpoch,
    SimulatedTrainer.State trainer,
    SimulatedPublisher.State publisher) {}
