"""Pure, additive, mergeable measurements: histograms, snapshots, the ledger."""
