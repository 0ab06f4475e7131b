"""Nothing that libraries or the system raise is called a bug in iam-ra."""

from __future__ import annotations

import errno
import inspect
import os
import subprocess
from typing import TYPE_CHECKING, Any

import cryptography.exceptions
import pytest
from botocore import exceptions as boto
from cryptography.exceptions import UnsupportedAlgorithm

from iam_ra.cli.failures import as_ours
from iam_ra.engine.errors import (
    CertificateError,
    FileError,
    IamRaError,
    InternalError,
    ToolError,
    UnreachableError,
)
from iam_ra.operations.foreign import ours
from iam_ra.operations.workplace import translated

if TYPE_CHECKING:
    from collections.abc import Iterator


def raised_by(module: Any) -> Iterator[Exception]:
    """Yield one of every class of exception of a module, however it is made."""
    for _, kind in sorted(inspect.getmembers(module, inspect.isclass)):
        if issubclass(kind, Exception) and kind.__module__.startswith(module.__name__.partition(".")[0]):
            # Not by its own constructor: each of botocore's takes other fields.
            error: Any = kind.__new__(kind)
            Exception.__init__(error, f"a {kind.__name__}")
            error.response, error.operation_name = {}, "Operation"
            yield error


LIBRARIES = [*raised_by(boto), *raised_by(cryptography.exceptions)]
# What the system may say of a file, a folder, a socket or a program.
ERRNOS = sorted(errno.errorcode)


def expect_ours(error: Exception) -> IamRaError:
    found = as_ours(error)
    assert not isinstance(found, InternalError)
    assert found.id != "IRA9000"
    assert found.what
    with pytest.raises(type(found)) as caught, translated():
        raise error
    assert caught.value.id == found.id
    assert caught.value.__cause__ is error
    return found


def test_there_are_many() -> None:
    assert len(LIBRARIES) > 100
    assert len(ERRNOS) > 100


@pytest.mark.parametrize("error", LIBRARIES, ids=lambda error: type(error).__name__)
def test_every_exception_of_the_libraries_is_one_of_ours(error: Exception) -> None:
    if type(error).__module__.startswith("cryptography"):
        assert isinstance(expect_ours(error), CertificateError)
        assert expect_ours(error).fix
    else:
        expect_ours(error)


@pytest.mark.parametrize("number", ERRNOS, ids=errno.errorcode.get)
def test_every_error_of_the_system_is_one_of_ours(number: int) -> None:
    found = expect_ours(OSError(number, os.strerror(number), "/home/me/exports/web.json"))
    assert isinstance(found, FileError | UnreachableError)
    assert os.strerror(number) in found.what
    assert found.fix
    assert isinstance(found, UnreachableError) or "/home/me/exports/web.json" in found.what


@pytest.mark.parametrize(
    ("error", "kind", "word"),
    [
        (OSError(errno.ENOSPC, "No space left on device", "a"), FileError, "free some space"),
        (OSError(errno.EROFS, "Read-only file system", "a"), FileError, "permissions"),
        (PermissionError(errno.EACCES, "Permission denied", "a"), FileError, "permissions"),
        (OSError(errno.EMFILE, "Too many open files"), FileError, "ulimit"),
        (OSError(errno.EIO, "Input/output error"), FileError, "disk"),
        (OSError("odd"), FileError, "disk"),
        (TimeoutError(), UnreachableError, "network"),
        (ConnectionRefusedError(errno.ECONNREFUSED, "Connection refused"), UnreachableError, "network"),
        (subprocess.TimeoutExpired(["sops"], 3), ToolError, "by hand"),
        (UnsupportedAlgorithm("brainpool"), CertificateError, "certificates"),
    ],
)
def test_the_fix_fits(error: Exception, kind: type[IamRaError], word: str) -> None:
    found = expect_ours(error)
    assert type(found) is kind
    assert word in found.fix


def test_a_bug_is_called_a_bug() -> None:
    assert ours(KeyError("x")) is None
    assert isinstance(as_ours(KeyError("x")), InternalError)
    with pytest.raises(KeyError), translated():
        raise KeyError("x")
