/**
 * The admission of rounds, and the operator that grants them: {@link
 * io.murmuration.privacy.budget.LedgerSession} (one attempt's dealings with the ledger, blocking)
 * and {@link io.murmuration.privacy.budget.RoundCoordinator} (when to ask for a round, never
 * blocking), which {@link io.murmuration.privacy.budget.PrivacyBudgetOperator} joins to Flink.
 */
package io.murmuration.privacy.budget;
