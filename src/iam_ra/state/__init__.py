"""What iam-ra remembers: the recorded parts, the lock, the ledger."""
