"""The conformance table is that of the tests, and what it names exists."""

from __future__ import annotations

import os
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import botocore.session
import pytest
from tests.sandbox import conformance
from tests.sandbox.conformance import BEGIN, END, PAGE, Row, Writer, page_with, rows, table

if TYPE_CHECKING:
    from pathlib import Path

MODEL = "botocore model: "
API = " API Reference: "
# What an API reference is called, and the same service as botocore calls it.
SERVICES = {
    "AWS CloudFormation": "cloudformation",
    "AWS KMS": "kms",
    "AWS Private CA": "acm-pca",
    "AWS Secrets Manager": "secretsmanager",
    "AWS STS": "sts",
    "AWS Systems Manager": "ssm",
    "Amazon S3": "s3",
    "IAM": "iam",
}
ROW = Row("S3", "Says no.", "Amazon S3 API Reference: PutObject", "tests/sandbox/test_x.py", "test_no")


@pytest.mark.skipif("UPDATE_GOLDEN" in os.environ, reason="this run writes the table when it ends")
def test_the_table_is_that_of_the_tests() -> None:
    text = PAGE.read_text(encoding="utf-8")
    again = "stale: run UPDATE_GOLDEN=1 pytest tests/sandbox, then read the diff"
    assert page_with(text, table(rows())) == text, again


def test_no_behaviour_is_told_twice() -> None:
    told = [(row.service, row.behaviour) for row in rows()]
    assert len(set(told)) == len(told)
    assert not [behaviour for _, behaviour in told if not behaviour.endswith(".") or "|" in behaviour]


def test_operations_and_shapes_that_are_named_exist() -> None:
    wrong = [row.source for row in rows() if not _exists(row.source)]
    assert wrong == []


def _exists(source: str) -> bool:
    if source.startswith(MODEL):
        service, name = source.removeprefix(MODEL).split(" ")
    elif API in source:
        title, name = source.split(API)
        service = SERVICES[title]
    else:
        return True
    model = botocore.session.get_session().get_service_model(service)
    return name in model.operation_names or name in model.shape_names


@pytest.mark.parametrize(
    "mark", ['"no service", source="s"', '"S3: says no."', "text, source='s'", '"S3: a.", source="s", more=1']
)
def test_a_mark_of_another_form_is_named(tmp_path: Path, mark: str) -> None:
    source = f"@pytest.mark.conforms({mark})\ndef test_no(): ...\n"
    (tmp_path / "test_x.py").write_text(source, encoding="utf-8")
    with pytest.raises(ValueError, match=r"test_x\.py:1: write pytest\.mark\.conforms"):
        conformance.rows(tmp_path)


@pytest.mark.parametrize(
    ("reports", "written"),
    [
        ([("test_no[a]", "call", "passed"), ("test_no[b]", "call", "passed")], True),
        ([("test_no[a]", "call", "passed"), ("test_no[b]", "call", "failed")], False),
        ([("test_no", "call", "passed"), ("test_no", "teardown", "failed")], False),
        ([("test_no", "setup", "passed"), ("test_no", "call", "skipped")], False),
        ([], False),
    ],
)
def test_only_a_run_that_shows_it_all_writes_the_table(
    tmp_path: Path, reports: list[tuple[str, Any, Any]], written: bool
) -> None:
    page = tmp_path / "page.md"
    page.write_text(f"{BEGIN}\nold\n{END}\n", encoding="utf-8")
    writer = Writer([ROW], page)
    for test, when, outcome in reports:
        report = pytest.TestReport(f"{ROW.path}::{test}", ("", 0, ""), {}, outcome, None, when)
        writer.pytest_runtest_logreport(report)
    terminal: Any = SimpleNamespace(write_line=lambda _: None)
    writer.pytest_terminal_summary(terminal)
    assert (str(ROW) in page.read_text(encoding="utf-8")) is written
