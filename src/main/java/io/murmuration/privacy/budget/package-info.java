/**
 * The privacy budget: the ledger that alone says what was spent, the admission of rounds, and the
 * operator that grants them.
 *
 * <p>The pure part reads from the bottom up: {@link io.murmuration.privacy.budget.LedgerRecord},
 * {@link io.murmuration.privacy.budget.LedgerEntry} (one link of the hash chain), {@link
 * io.murmuration.privacy.budget.LedgerState} (the fold over all of them), {@link
 * io.murmuration.privacy.budget.Ledger} (where they are kept), {@link
 * io.murmuration.privacy.budget.LedgerSession} (one attempt's dealings with it, blocking) and
 * {@link io.murmuration.privacy.budget.RoundCoordinator} (when to ask for a round, never blocking).
 * {@link io.murmuration.privacy.budget.PrivacyBudgetOperator} joins the last two to Flink.
 */
package io.murmuration.privacy.budget;
