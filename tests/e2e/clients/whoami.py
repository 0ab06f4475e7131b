"""A host's program: it says who it is. A process of its own, since boto3 takes much from the environment and from a file."""

import sys

import boto3

sys.stdout.write(boto3.client("sts").get_caller_identity()["Arn"])
