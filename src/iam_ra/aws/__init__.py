"""The AWS edge: typed calls a service, the snapshot, the stack deployer."""
