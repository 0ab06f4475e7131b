"""What libraries and the system raise, as errors of our own tree: each says what a user can do about it."""

from __future__ import annotations

import errno
import subprocess
from typing import TYPE_CHECKING, Final

from iam_ra.engine.errors import AwsError, CertificateError, FileError, ToolError, UnreachableError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from iam_ra.engine.errors import IamRaError

_NO_ROOM = "free some space there, and run the command again"
_NO_RIGHT = "correct the owner and the permissions, and run the command again"
_WRONG_PLACE = "put right what is there, and run the command again"
_AGAIN = "run the command again; when it happens again, look at the disk"
_LESS = "close other programs or raise the limit (`ulimit -n`), and run the command again"
_FIXES: Final[Mapping[int, str]] = {
    **dict.fromkeys((errno.ENOSPC, errno.EDQUOT, errno.EFBIG), _NO_ROOM),
    **dict.fromkeys((errno.EACCES, errno.EPERM, errno.EROFS), _NO_RIGHT),
    **dict.fromkeys(
        (
            errno.ENOENT,
            errno.ENOTDIR,
            errno.EISDIR,
            errno.EEXIST,
            errno.ENAMETOOLONG,
            errno.ELOOP,
            errno.ENOTEMPTY,
            errno.EXDEV,
            errno.EINVAL,
        ),
        _WRONG_PLACE,
    ),
    **dict.fromkeys((errno.EMFILE, errno.ENFILE, errno.ENOMEM, errno.EAGAIN), _LESS),
}
_NETWORK: Final = frozenset(
    {
        errno.ECONNABORTED,
        errno.ECONNREFUSED,
        errno.ECONNRESET,
        errno.EHOSTDOWN,
        errno.EHOSTUNREACH,
        errno.ENETDOWN,
        errno.ENETRESET,
        errno.ENETUNREACH,
        errno.ENOTCONN,
        errno.EPIPE,
        errno.ESHUTDOWN,
        errno.ETIMEDOUT,
        errno.EADDRNOTAVAIL,
    }
)


def ours(error: Exception) -> IamRaError | None:
    """Return the error of our tree for what botocore, cryptography, a program or the system raised; else None."""
    room = type(error).__module__.partition(".")[0]
    if room == "botocore":
        return _of_botocore(error)
    if room == "cryptography":
        return CertificateError(
            f"a key or a certificate cannot be used ({type(error).__name__})",
            why=str(error) or "it is damaged, or of a kind that this version of cryptography does not know",
            fix="look at the keys, certificates and requests that the command named, or update cryptography",
        )
    if isinstance(error, subprocess.SubprocessError):
        return ToolError(
            "a program that iam-ra called failed", why=str(error), fix="try it by hand, and see what it says"
        )
    return _of_system(error) if isinstance(error, OSError) else None


def _of_botocore(error: Exception) -> IamRaError:
    from botocore.exceptions import BotoCoreError, ClientError  # noqa: PLC0415 - slow, and loaded when it raised

    from iam_ra.aws.errors import translate  # noqa: PLC0415 - as above

    if isinstance(error, BotoCoreError | ClientError):
        return translate(error)
    return AwsError(f"{type(error).__name__}: {error}", why="the AWS client failed", fix="update boto3")


def _of_system(error: OSError) -> IamRaError:
    says = error.strerror or str(error) or type(error).__name__
    if error.errno in _NETWORK or isinstance(error, ConnectionError | TimeoutError):
        return UnreachableError(
            f"a connection failed: {says}",
            fix="check the network, the region and AWS_ENDPOINT_URL; is the sandbox up (`iam-ra sandbox status`)?",
        )
    place = f"{error.filename}: " if error.filename else ""
    return FileError(f"{place}{says}", fix=_FIXES.get(error.errno or 0, _AGAIN))
