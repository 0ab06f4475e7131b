"""The tokens between pages are nobody's to make."""

from __future__ import annotations

import base64
from typing import Any

import pytest

from iam_ra.sandbox.cloudformation.errors import ValidationError
from iam_ra.sandbox.cloudformation.paging import PAGE, page

ITEMS = range(2 * PAGE + 1)


def test_pages_follow_each_other_to_the_end() -> None:
    found, token = page(ITEMS, None, "ListStacks")
    seen = [*found]
    while token:
        assert not token.isdecimal()
        found, token = page(ITEMS, token, "ListStacks")
        seen += found
    assert seen == [*ITEMS]


def test_a_list_that_fills_its_page_has_no_other() -> None:
    assert page(range(PAGE), None, "ListStacks")[1] is None


@pytest.mark.parametrize(
    "token",
    [
        "100",
        "x",
        "not base64!",
        "\u00e9",
        base64.urlsafe_b64encode(b"ListStacks").decode(),
        base64.urlsafe_b64encode(b"ListStacks/-1").decode(),
        base64.urlsafe_b64encode("ListStacks/\u0661".encode()).decode(),
        page(ITEMS, None, "DescribeStacks")[1],
    ],
)
def test_a_token_that_the_operation_never_gave_is_refused(token: str) -> None:
    with pytest.raises(ValidationError, match="Invalid NextToken"):
        page(ITEMS, token, "ListStacks")


@pytest.mark.conforms(
    "CloudFormation: A NextToken that the operation never gave is refused.",
    source="AWS CloudFormation API Reference: ListStacks",
)
def test_so_it_is_over_http(stacks: Any) -> None:
    with pytest.raises(stacks.client.exceptions.ClientError, match="Invalid NextToken"):
        stacks.client.list_stacks(NextToken="100")
