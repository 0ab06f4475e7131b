"""What all kinds share that write files into the user's repository: theirs alone, and never a stranger's."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from iam_ra.engine.action import Cause, Reason
from iam_ra.engine.errors import ConflictError
from iam_ra.files import atomic
from iam_ra.files.repository import bytes_digest, file_digest

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from iam_ra.aws.s3 import Stored
    from iam_ra.engine.errors import IamRaError
    from iam_ra.engine.part import Recorded
    from iam_ra.engine.plan import Change
    from iam_ra.kinds.run import Run


def strangers_file(change: Change, ours: Iterable[str], run: Run, remedy: str) -> Iterator[IamRaError]:
    """Yield the conflict that a file is where a change would write its own; `ours` are SHA-256 of bytes we may have written."""
    path = change.inputs["path"]
    if change.recorded is not None and change.recorded.inputs["path"] == path:
        return
    present = file_digest(run.root / path)
    if present is not None and present not in ours:
        yield ConflictError(
            f"{path} exists and iam-ra did not write it", why=f"{change.address} would replace it", fix=remedy
        )


def remove_file(recorded: Recorded, run: Run) -> None:
    """Remove the file that a part wrote, unless somebody changed it since."""
    path = recorded.inputs["path"]
    # One that is gone may have left empty folders, when an apply was killed.
    if file_digest(run.root / path) in {None, recorded.outputs["file"]}:
        atomic.remove(Path(path), root=run.root)
    else:
        run.report(recorded.address, f"{path} was edited; left alone")


def written_files(parts: Iterable[Recorded]) -> list[str]:
    """Return the paths of the files that the parts are made of, relative to the folder of the desired-state file."""
    found: set[str] = set()
    for each in parts:
        if "file" in each.outputs and "path" in each.inputs:
            found.add(each.inputs["path"])
        found.update(each.outputs.get("files", ()))
    return sorted(found)


def copy_reasons(recorded: Recorded, file: str | None, mirror: str | None) -> Iterator[Reason]:
    """Yield what became of a file (its SHA-256) and of its copy in the bucket (an ETag) since they were written."""
    if file != recorded.outputs["file"]:
        was = "deleted" if file is None else "edited"
        yield Reason(Cause.DRIFTED, f"{recorded.inputs['path']} was {was}")
    if mirror != recorded.outputs["mirror"]:
        was = "deleted" if mirror is None else "changed"
        yield Reason(Cause.DRIFTED, f"its mirror in the bucket was {was}")


def unedited(recorded: Recorded, run: Run) -> bytes | None:
    """Return the bytes of a recorded file, if they are those that iam-ra wrote."""
    path: Path = run.root / recorded.inputs["path"]
    return path.read_bytes() if file_digest(path) == recorded.outputs["file"] else None


def remove_copied(path: str, stored: Stored | None, run: Run) -> None:
    """Remove the file that a killed apply wrote beside a copy in the bucket, if it still has the copy's bytes."""
    if stored is not None and path and file_digest(run.root / path) == bytes_digest(stored.data):
        atomic.remove(Path(path), root=run.root)
