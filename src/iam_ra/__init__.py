"""iam-ra: one file says who may become whom in AWS through IAM Roles Anywhere."""

__version__ = "3.0.0"
