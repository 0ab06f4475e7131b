"""The rules of IAM Roles Anywhere as pure functions."""
