"""The desired-state file: its schema, how it is read, and every problem in it at once."""
