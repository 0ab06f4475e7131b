"""X.509: keys, authorities, leaf certificates."""
