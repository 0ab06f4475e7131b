"""A plan and its events as text and JSON."""
