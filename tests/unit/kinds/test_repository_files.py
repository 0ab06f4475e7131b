"""Which files of the repository are iam-ra's."""

from __future__ import annotations

from iam_ra.engine.address import Address
from iam_ra.engine.part import Recorded
from iam_ra.kinds.repository_files import written_files


def test_parts_that_are_a_file_or_several_or_none() -> None:
    one = Recorded(Address("host/web", "sops"), "host-sops", {"path": "secrets/web.yaml"}, {"file": "ab"})
    several = Recorded(
        Address("cluster/prod", "manifests"), "manifests", {}, {"files": {"m/b.yaml": "cd", "m/a.yaml": "ef"}}
    )
    # A path in IAM.
    none = Recorded(Address("role/admin", "stack"), "role", {"path": "/iam-ra/default/"}, {"RoleArn": "arn"})
    assert written_files([one, several, none]) == ["m/a.yaml", "m/b.yaml", "secrets/web.yaml"]
