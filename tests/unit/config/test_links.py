"""Symlinks in the folder of the file: nothing outside of it is read, and so none of it is shown."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from iam_ra.config.diagnostics import Check

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from iam_ra.config.diagnostics import Diagnostic

    Problems = Callable[[str | bytes], list[Diagnostic]]

READERS = {
    Check.POLICY_FILE: "roles: {a: {inline_policies: {x: in/file.json}}}",
    Check.CSR: "roles: {a: {}}\nhosts: {web: {roles: [a], csr: in/file.pem}}",
    Check.CA_CERTIFICATE: "clusters: {prod: {ca: {delivery: cluster, certificate: in/file.pem}}}",
}


@pytest.mark.parametrize("check", READERS)
@pytest.mark.parametrize("is_folder", [True, False])
def test_no_symlink_leads_out_of_the_folder(
    problems: Problems,
    tmp_path: Path,
    tmp_path_factory: pytest.TempPathFactory,
    check: Check,
    *,
    is_folder: bool,
) -> None:
    outside = tmp_path_factory.mktemp("outside")
    folder = tmp_path / "in"
    if is_folder:
        folder.symlink_to(outside)
    else:
        folder.mkdir()
    for name in ("file.json", "file.pem"):
        (outside / name).write_text("AWS_SECRET_ACCESS_KEY=secret")
        if not is_folder:
            (folder / name).symlink_to(outside / name)
    (found,) = problems(READERS[check])
    assert found.id == check.code
    assert "a symlink leads out of the folder" in found.what
    assert "=secret" not in str(found)


def test_a_symlink_within_the_folder_is_followed(problems: Problems, tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "one.json").write_text('{"Version": "2012-10-17", "Statement": []}')
    (tmp_path / "in/file.json").symlink_to("../one.json")
    assert {each.id for each in problems(READERS[Check.POLICY_FILE])} == {Check.POLICY_DOCUMENT.code}
